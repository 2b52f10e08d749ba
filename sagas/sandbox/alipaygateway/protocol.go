package alipaygateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	maxRequest   = 1 << 20          // bytes of a body
	maxClockSkew = 15 * time.Minute // of a request's timestamp
	maxSilence   = 30 * time.Second // of a call that a fault leaves without an answer
)

// method is one of the calls that the gateway knows.
type method struct {
	api string // what a fault calls it; empty: it has none
	do  func(context.Context, call) (any, error)
}

const methodPagePay = "alipay.trade.page.pay"

func (g *Gateway) routes() map[string]method {
	return map[string]method{
		methodPagePay:                       {apiCreate, g.pagePay},
		"alipay.trade.query":                {apiQuery, g.query},
		"alipay.trade.close":                {apiClose, g.closeTrade},
		"alipay.trade.refund":               {apiRefund, g.refund},
		"alipay.trade.fastpay.refund.query": {"", g.refundQuery},
		"alipay.fund.trans.uni.transfer":    {apiPayout, g.transfer},
		"alipay.fund.trans.common.query":    {"", g.transferQuery},
		methodConfirm:                       {apiPayout, g.confirm},
		methodFee:                           {apiFee, g.takeFee},
		methodBill:                          {"", g.billAddress},
		"alipay.data.bill.balance.query":    {apiBalance, g.balanceQuery},
	}
}

// call is a request whose signature has been checked.
type call struct {
	method    string
	content   string // the biz_content
	notifyURL string
	certified bool   // it is signed with certificates
	at        string // the address of the gateway's own page, as the caller sees it
}

// status starts every answer.
type status struct {
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	SubCode string `json:"sub_code,omitzero"`
	SubMsg  string `json:"sub_msg,omitzero"`
}

var success = status{Code: "10000", Msg: "Success"}

// Error makes a status that is a no the error of a call.
func (s *status) Error() string { return s.SubCode + ": " + s.SubMsg }

// failed is the no of the business behind a call.
func failed(subCode, message string) error { return business(subCode, message) }

func business(subCode, message string) *status {
	return &status{Code: "40004", Msg: "Business Failed", SubCode: subCode, SubMsg: message}
}

// invalid is the no to a request that is none.
func invalid(subCode, message string) error {
	return &status{Code: "40002", Msg: "Invalid Arguments", SubCode: subCode, SubMsg: message}
}

// redirect is the answer that sends the buyer on.
type redirect string

// inGBK has a no said in GBK.
type inGBK struct{ error }

// Unwrap gives the no itself.
func (g inGBK) Unwrap() error { return g.error }

// errSilence has a call end without an answer.
var errSilence = errors.New("alipaygateway: a fault swallows the answer")

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.running.Err() != nil {
		http.Error(w, "closing", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Date", g.now().UTC().Format(http.TimeFormat)) // by its own clock, which may not be the machine's
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "no form of at most 1 MiB", http.StatusBadRequest)
		return
	}
	switch path.Base(r.URL.Path) {
	case "gateway.do":
		g.serveCall(w, r)
	case "cashier":
		g.serveCashier(w, r)
	case billPage:
		g.serveBill(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (g *Gateway) serveCall(w http.ResponseWriter, r *http.Request) {
	var said any
	asked, err := g.authenticate(r.Form)
	if err == nil {
		asked.at = "http://" + r.Host + r.URL.Path
		said, err = g.perform(r.Context(), asked)
	}
	var no *status
	var spoiled spoiledAnswer
	switch {
	case errors.As(err, &spoiled):
		g.spoil(w, faultMode(spoiled))
		return
	case errors.Is(err, errSilence):
		g.keepSilent(r.Context())
		return
	case errors.As(err, &no) && r.Form.Get("method") == methodPagePay:
		g.showError(w, no)
		return
	case errors.As(err, &no):
		said = no
	case err != nil:
		g.logger.Error("sandbox alipay: a call failed", "method", asked.method, "error", err)
		http.Error(w, "system error", http.StatusInternalServerError)
		return
	}
	if cashier, is := said.(redirect); is {
		w.Header().Set("Location", string(cashier)) // as it is: relative to wherever this is mounted
		w.WriteHeader(http.StatusFound)
		return
	}
	if err := g.answer(w, asked, said, errors.As(err, &inGBK{})); err != nil {
		g.logger.Warn("sandbox alipay: an answer could not be sent", "method", asked.method, "error", err)
	}
}

// authenticate checks that the request was made by the merchant, lately, for this
// gateway.
func (g *Gateway) authenticate(form url.Values) (call, error) {
	unread := call{certified: certified(form)}
	if form.Get("app_id") != appID {
		if _, known := g.methods[form.Get("method")]; known {
			unread.method = form.Get("method") // Alipay answers such a call by its name
		}
		return unread, invalid(subAppUnknown, "无效的AppID参数")
	}
	for name, values := range form {
		if len(values) != 1 {
			return unread, invalid("isv.invalid-parameter", fmt.Sprintf("%.40q is given %d times", name, len(values)))
		}
	}
	for name, want := range map[string]string{"sign_type": "RSA2", "charset": "utf-8", "version": "1.0", "format": "JSON"} {
		if !strings.EqualFold(form.Get(name), want) {
			return unread, invalid("isv.invalid-"+strings.ReplaceAll(name, "_", "-"), fmt.Sprintf("%s is not %s", name, want))
		}
	}
	if err := g.checkSerials(form); err != nil {
		return unread, err
	}
	if err := verify(&g.merchant.PublicKey, signedText(form, "sign"), form.Get("sign")); err != nil {
		return unread, invalid("isv.invalid-signature", "验签出错")
	}
	asked := call{
		method: form.Get("method"), content: form.Get("biz_content"), notifyURL: form.Get("notify_url"), certified: unread.certified,
	}
	if _, known := g.methods[asked.method]; !known {
		return unread, invalid("isv.invalid-method", "不存在的方法名")
	}
	if err := g.checkAge(asked, form.Get("timestamp")); err != nil {
		return asked, err
	}
	g.plainly.Store(!asked.certified)
	if outgoing[asked.method] && !asked.certified {
		return asked, invalid(subAppCertMissing, appCertMissingText)
	}
	return asked, nil
}

// checkAge refuses old requests. A payment page is asked for by the buyer, at any time
// until the trade itself ends.
func (g *Gateway) checkAge(asked call, timestamp string) error {
	at, err := time.ParseInLocation(timeLayout, timestamp, g.zone)
	if age := g.now().Sub(at); err != nil || age < -maxClockSkew || age > maxClockSkew && asked.method != methodPagePay {
		return invalid("isv.invalid-timestamp", "非法的时间戳参数")
	}
	return nil
}

// perform makes the call, or what a fault makes of it.
func (g *Gateway) perform(ctx context.Context, asked call) (any, error) {
	known := g.methods[asked.method]
	spoiled := target{known.api, g.pushOf(asked)}
	if known.api == apiClose && g.faults.holds(spoiled) {
		if err := g.keepOpen(ctx, asked); err != nil { // first, lest its time closes it
			return nil, err
		}
	}
	switch wrong := g.faults.take(spoiled); wrong.mode {
	case modeError:
		return nil, errors.New("alipaygateway: a fault was injected")
	case modeTimeout:
		return nil, errSilence
	case modeDoneButTimeout:
		if _, err := known.do(ctx, asked); err != nil {
			return nil, err
		}
		return nil, errSilence
	case modeBusinessError:
		if wrong.said != nil {
			return nil, wrong.said
		}
		return nil, businessError(known.api, asked.method)
	case modeGBKError:
		return nil, inGBK{businessError(known.api, asked.method)}
	case modeRubbish, modeHalf, modeRedirect, modeHuge:
		return nil, spoiledAnswer(wrong.mode)
	}
	return known.do(ctx, asked)
}

// keepSilent holds the connection until the caller gives up, and then drops it.
func (g *Gateway) keepSilent(ctx context.Context) {
	bound := time.NewTimer(maxSilence)
	defer bound.Stop()
	select {
	case <-ctx.Done():
	case <-g.running.Done():
	case <-bound.C:
	}
	panic(http.ErrAbortHandler)
}

// subAppUnknown is what Alipay says without a signature: it does not know whose key to use.
const subAppUnknown = "isv.invalid-app-id"

// nodeName is the member of an answer that holds what is said.
func nodeName(asked call) string {
	if asked.method == "" {
		return "error"
	}
	return strings.ReplaceAll(asked.method, ".", "_")
}

// answer sends what is said, in UTF-8 or in GBK, and a signature over exactly its bytes.
func (g *Gateway) answer(w http.ResponseWriter, asked call, said any, chinese bool) error {
	node, err := json.Marshal(said)
	if err == nil && chinese {
		node, err = simplifiedchinese.GBK.NewEncoder().Bytes(node)
	}
	if err != nil {
		return fmt.Errorf("alipaygateway: encode: %w", err)
	}
	if no, is := said.(*status); is && no.SubCode == subAppUnknown {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		_, err = fmt.Fprintf(w, `{"%s_response":%s}`, nodeName(asked), node) //nolint:gosec // JSON, and said to be
		return err
	}
	signing := g.signer(asked.certified)
	signature, err := sign(signing.key, node)
	if err != nil {
		return err
	}
	var certificate string
	if signing.serial != "" {
		certificate = fmt.Sprintf(`"alipay_cert_sn":%q,`, signing.serial)
	}
	charset := "utf-8"
	if chinese {
		charset = "GBK"
	}
	w.Header().Set("Content-Type", "application/json;charset="+charset)
	_, err = fmt.Fprintf(w, `{"%s_response":%s,%s"sign":"%s"}`, nodeName(asked), node, certificate, signature) //nolint:gosec // JSON, and said to be
	return err
}

// content reads the biz_content of a call.
func content[T any](asked call) (T, error) {
	var wanted T
	if err := json.Unmarshal([]byte(asked.content), &wanted); err != nil {
		return wanted, invalid("isv.invalid-parameter", "biz_content: "+err.Error())
	}
	return wanted, nil
}

func (g *Gateway) format(at time.Time) string { return at.In(g.zone).Format(timeLayout) }
