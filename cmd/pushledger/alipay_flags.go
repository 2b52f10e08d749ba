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
	if f.certified() {
		config.Certificates = alipay.CertificateFiles{App: f.AlipayAppCert, Alipay: f.AlipayCert, Root: f.AlipayRootCert, Key: f.AlipayPrivateKey}
		return config, nil
	}
	public, err := os.ReadFile(f.AlipayPublicKey)
	config.PrivateKey, config.AlipayPublicKey = private, string(public)
	return config, err
}
