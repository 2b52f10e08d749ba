package alipaygateway

import (
	"context"
	"crypto/x509"
	"net/url"
	"path/filepath"
)

// Refusals of requests that are signed with certificates, in Alipay's words as far as they
// are known. In which order Alipay looks is not known.
const (
	subAppCertMissing  = "isv.missing-app-cert-sn"
	subRootCertMissing = "isv.missing-alipay-root-cert-sn"
	subAppCertUnknown  = "isv.app-cert-not-exist"
	subAppCertExpired  = "isv.app-cert-expired"
	subRootCertWrong   = "isv.invalid-alipay-root-cert-sn"
	appCertMissingText = "缺少应用公钥证书序列号"
)

// outgoing are the methods by which money leaves, which take certificates. Of payouts
// Alipay says so. Whether it refuses refunds and settlements without them as well is not known; here they
// are, so that nobody depends on the opposite.
var outgoing = map[string]bool{
	"alipay.fund.trans.uni.transfer": true, "alipay.trade.refund": true, methodConfirm: true, methodFee: true,
}

// Merchant is what the sandbox's merchant configures its client with. It signs with
// certificates, with the files, or without them, with the texts.
type Merchant struct {
	AppID, SellerID             string
	PrivateKey, AlipayPublicKey string // in PEM

	// TransferScene is what its transfers are for.
	TransferScene string

	KeyFile, AppCertFile, AlipayCertFile, RootCertFile string
}

// MerchantConfig is for the one merchant there is.
func (g *Gateway) MerchantConfig() (Merchant, error) {
	private, err := privatePEM(g.merchant)
	if err != nil {
		return Merchant{}, err
	}
	public, err := publicPEM(&g.alipay.PublicKey)
	if err != nil {
		return Merchant{}, err
	}
	file := func(name string) string { return filepath.Join(g.certificates.dir, name) }
	return Merchant{
		AppID: appID, SellerID: sellerID, PrivateKey: private, AlipayPublicKey: public, TransferScene: transferScene,
		KeyFile: file(merchantKeyFile), AppCertFile: file(merchantCertFile),
		AlipayCertFile: file(alipayCertFile), RootCertFile: file(rootCertFile),
	}, nil
}

// certified reports whether a request is signed with certificates.
func certified(form url.Values) bool {
	return form.Get("app_cert_sn") != "" || form.Get("alipay_root_cert_sn") != ""
}

// checkSerials refuses serials that are not those of the merchant's certificates.
func (g *Gateway) checkSerials(form url.Values) error {
	known := g.certificates
	switch app, root := form.Get("app_cert_sn"), form.Get("alipay_root_cert_sn"); {
	case !certified(form):
		return nil
	case app == "":
		return invalid(subAppCertMissing, appCertMissingText)
	case root == "":
		return invalid(subRootCertMissing, "缺少支付宝根证书序列号") // its words are not known
	case app != known.appSerial:
		return invalid(subAppCertUnknown, "应用公钥证书不存在")
	case root != known.rootSerial:
		return invalid(subRootCertWrong, "无效支付宝根证书序列号")
	default:
		return expired(known.app, g)
	}
}

func expired(app *x509.Certificate, g *Gateway) error {
	if g.now().After(app.NotAfter) {
		return invalid(subAppCertExpired, "应用公钥证书已过期") // its words are not known
	}
	return nil
}

// signer is what an answer is signed with: Alipay answers in the way in which it is asked.
func (g *Gateway) signer(certified bool) signer {
	if certified {
		return g.certificates.current()
	}
	return signer{key: g.alipay}
}

// teller is what notifications are signed with: in the way in which the merchant last
// asked, for Alipay knows one for each application. They do not name the certificate; that
// Alipay's do not is only what its libraries suggest.
func (g *Gateway) teller() signer { return g.signer(!g.plainly.Load()) }

// rotateControl answers sandbox.alipay.rotate: from now on answers are signed with a new
// certificate, which the merchant's file holds as well, or one of the two alone.
func (g *Gateway) rotateControl(_ context.Context, body []byte) (any, error) {
	var wanted struct {
		Only string `json:"only"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	switch wanted.Only {
	case "", "sign", "publish":
	default:
		return nil, refuse("invalid_only", "only %.40q", wanted.Only)
	}
	if wanted.Only != "publish" {
		if err := g.certificates.rotate(); err != nil {
			return nil, err
		}
	}
	if wanted.Only != "sign" {
		if err := g.certificates.publish(); err != nil {
			return nil, err
		}
	}
	return rotated{OK: true, Serial: g.certificates.current().serial}, nil
}

// rotated answers sandbox.alipay.rotate.
type rotated struct {
	OK     bool   `json:"ok"`             // true
	Serial string `json:"alipay_cert_sn"` // of the certificate that answers are signed with
}
