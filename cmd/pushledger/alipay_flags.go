package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

// alipayFlags are what a service without sandbox needs for Alipay.
type alipayFlags struct {
	AlipayAppID         string   `name:"alipay-app-id" help:"Application id at Alipay."`
	AlipaySellerID      string   `name:"alipay-seller-id" help:"The merchant's number at Alipay (2088…)."`
	AlipayPrivateKey    string   `help:"File with the application's private key. With certificates it may be replaced while the service runs." type:"existingfile"`
	AlipayAppCert       string   `help:"File with the application's certificate. The three files of certificates may be replaced while the service runs." type:"existingfile"`
	AlipayCert          []string `help:"File with Alipay's certificate; given twice while Alipay changes from one to another." type:"existingfile"`
	AlipayRootCert      string   `help:"File with Alipay's root certificates." type:"existingfile"`
	AlipayPublicKey     string   `help:"File with Alipay's public key, for signing without certificates: no payouts then." type:"existingfile"`
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

// alipayConfig reads the flags. Files of certificates are read where they are used, again
// and again.
func (f alipayFlags) alipayConfig() (alipay.Config, error) {
	if missing := f.missing(); len(missing) > 0 {
		return alipay.Config{}, fmt.Errorf("%w: without --sandbox these are needed: %s", errUsage, strings.Join(missing, ", "))
	}
	if f.certified() && f.AlipayPublicKey != "" {
		return alipay.Config{}, fmt.Errorf("%w: --alipay-public-key is for signing without certificates: leave it out, or all three of "+
			"--alipay-app-cert, --alipay-cert and --alipay-root-cert", errUsage)
	}
	private, err := readSecret(f.AlipayPrivateKey)
	if err != nil {
		return alipay.Config{}, err
	}
	config := alipay.Config{
		AppID: f.AlipayAppID, SellerID: f.AlipaySellerID, Gateway: f.AlipayGateway, NotifyURL: f.AlipayNotifyAddress,
	}
	if config.Transfers, err = f.transferScene(); err != nil {
		return alipay.Config{}, err
	}
	if f.certified() {
		config.Certificates = alipay.CertificateFiles{App: f.AlipayAppCert, Alipay: f.AlipayCert, Root: f.AlipayRootCert, Key: f.AlipayPrivateKey}
		return config, nil
	}
	public, err := os.ReadFile(f.AlipayPublicKey)
	config.PrivateKey, config.AlipayPublicKey = private, string(public)
	return config, err
}

// checkScene demands a scene for transfers. Where new sellers are paid otherwise it is only
// for purchases from before.
func (f alipayFlags) checkScene(byMerchant bool) error {
	if byMerchant || f.AlipayTransferScene != "" {
		return nil
	}
	return fmt.Errorf("%w: Alipay refuses every transfer to a seller that does not say what it is for (TRANSFER_SCENE_NAME_BLANK): give "+
		"--alipay-transfer-scene, and what the scene demands with --alipay-transfer-scene-report, or pay sellers with --settlement confirm", errUsage)
}

func (f alipayFlags) transferScene() (alipay.TransferScene, error) {
	scene := alipay.TransferScene{Name: f.AlipayTransferScene}
	for _, report := range f.AlipayTransferSceneReport {
		name, content, both := strings.Cut(report, "=")
		if !both || name == "" || content == "" {
			return scene, fmt.Errorf("%w: --alipay-transfer-scene-report %q is no INFO_TYPE=INFO_CONTENT", errUsage, report)
		}
		scene.Reports = append(scene.Reports, alipay.SceneReport{Type: name, Content: content})
	}
	return scene, nil
}
