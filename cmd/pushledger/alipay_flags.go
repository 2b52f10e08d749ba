package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/pushledger/pushledger/eventstore/secretfile"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

// alipayFlags are what a service without sandbox needs for Alipay.
type alipayFlags struct {
	AlipayAppID         string   `name:"alipay-app-id" help:"Application id at Alipay."`
	AlipaySellerID      string   `name:"alipay-seller-id" help:"The merchant's number at Alipay (2088…)."`
	AlipayPrivateKey    string   `help:"File with the application's private key. With certificates it may be replaced while the service runs." type:"path"`
	AlipayAppCert       string   `help:"File with the application's certificate. The three files of certificates may be replaced while the service runs." type:"path"`
	AlipayCert          []string `help:"File with Alipay's certificate; given twice while Alipay changes from one to another." type:"path"`
	AlipayRootCert      string   `help:"File with Alipay's root certificates." type:"path"`
	AlipayPublicKey     string   `help:"File with Alipay's public key, for signing without certificates: no payouts then." type:"path"`
	AlipayGateway       string   `help:"Alipay's gateway; empty is the production one."`
	AlipayNotifyAddress string   `help:"Public address of this service's /alipay/notify."`

	AlipayTransferScene       string   `help:"What transfers to sellers are for (转账场景), as it was agreed on with Alipay, which refuses them without."`
	AlipayTransferSceneReport []string `help:"What the scene demands to be told of every transfer (转账场景报备信息); may be given again." placeholder:"INFO_TYPE=INFO_CONTENT" sep:"none"`
}

func (f alipayFlags) certified() bool {
	return f.AlipayAppCert != "" || len(f.AlipayCert) > 0 || f.AlipayRootCert != ""
}

// missing names every flag that is needed and not given.
func (f alipayFlags) missing() []string {
	var missing []string
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"--alipay-app-id", f.AlipayAppID != ""},
		{"--alipay-seller-id", f.AlipaySellerID != ""},
		{"--alipay-notify-address", f.AlipayNotifyAddress != ""},
		{"--alipay-private-key", f.AlipayPrivateKey != ""},
		{"--alipay-app-cert", f.AlipayAppCert != "" || f.AlipayPublicKey != ""},
		{"--alipay-cert", len(f.AlipayCert) > 0 || f.AlipayPublicKey != ""},
		{"--alipay-root-cert", f.AlipayRootCert != "" || f.AlipayPublicKey != ""},
	} {
		if !flag.given {
			missing = append(missing, flag.name)
		}
	}
	return missing
}

// Numbers that Alipay gives out.
var (
	appID    = regexp.MustCompile(`^[0-9]{16}$`)
	sellerID = regexp.MustCompile(`^2088[0-9]{12}$`)
)

// checkShapes finds out which of the flags that are given cannot be right.
func (f alipayFlags) checkShapes(wrong *wrongSettings) {
	if f.AlipayAppID != "" && !appID.MatchString(f.AlipayAppID) {
		wrong.add("--alipay-app-id %q is not 16 digits, such as 2021…", f.AlipayAppID)
	}
	if f.AlipaySellerID != "" && !sellerID.MatchString(f.AlipaySellerID) {
		wrong.add("--alipay-seller-id %q is not 2088 and 12 more digits", f.AlipaySellerID)
	}
	if f.AlipayNotifyAddress != "" {
		wrong.join("--alipay-notify-address", alipay.CheckAddress(f.AlipayNotifyAddress))
	}
	if f.AlipayGateway != "" {
		wrong.join("--alipay-gateway", alipay.CheckAddress(f.AlipayGateway))
	}
	if f.certified() && f.AlipayPublicKey != "" {
		wrong.add("--alipay-public-key is for signing without certificates: leave it out, or all three of " +
			"--alipay-app-cert, --alipay-cert and --alipay-root-cert")
	}
}

// alipayConfig reads the flags and tries every key and certificate. Files of certificates
// are read where they are used, again and again.
func (f alipayFlags) alipayConfig(wrong *wrongSettings) alipay.Config {
	for _, flag := range f.missing() {
		wrong.add("%s is needed without --sandbox", flag)
	}
	f.checkShapes(wrong)
	config := alipay.Config{
		AppID: f.AlipayAppID, SellerID: f.AlipaySellerID, Gateway: f.AlipayGateway, NotifyURL: f.AlipayNotifyAddress,
		Transfers: f.transferScene(wrong),
	}
	if f.certified() {
		config.Certificates = alipay.CertificateFiles{App: f.AlipayAppCert, Alipay: f.AlipayCert, Root: f.AlipayRootCert, Key: f.AlipayPrivateKey}
	} else {
		f.readKeys(&config, wrong)
	}
	wrong.join("", config.CheckKeys())
	return config
}

// readKeys reads the files for signing without certificates.
func (f alipayFlags) readKeys(config *alipay.Config, wrong *wrongSettings) {
	if f.AlipayPrivateKey != "" {
		private, err := secretfile.Read(f.AlipayPrivateKey, maxSecret)
		wrong.join("--alipay-private-key", err)
		config.PrivateKey = string(private)
	}
	if f.AlipayPublicKey != "" {
		public, err := os.ReadFile(f.AlipayPublicKey)
		wrong.join("--alipay-public-key", err)
		config.AlipayPublicKey = string(public)
	}
}

// checkScene demands a scene for transfers. Where new sellers are paid otherwise it is only
// for purchases from before.
func (f alipayFlags) checkScene(byMerchant bool, wrong *wrongSettings) {
	if byMerchant || f.AlipayTransferScene != "" {
		return
	}
	wrong.add("--alipay-transfer-scene is needed, and what the scene demands with --alipay-transfer-scene-report, for Alipay refuses every " +
		"transfer to a seller that does not say what it is for (TRANSFER_SCENE_NAME_BLANK); or pay sellers with --settlement confirm")
}

func (f alipayFlags) transferScene(wrong *wrongSettings) alipay.TransferScene {
	scene := alipay.TransferScene{Name: f.AlipayTransferScene}
	for _, report := range f.AlipayTransferSceneReport {
		name, content, both := strings.Cut(report, "=")
		if !both || name == "" || content == "" {
			wrong.add("--alipay-transfer-scene-report %q is no INFO_TYPE=INFO_CONTENT", report)
			continue
		}
		scene.Reports = append(scene.Reports, alipay.SceneReport{Type: name, Content: content})
	}
	return scene
}
