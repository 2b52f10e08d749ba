package alipaygateway

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"slices"
)

// cashierPage is where a person may press pay.
var cashierPage = template.Must(template.New("cashier").Parse(`<!doctype html>
<html lang="zh">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>收银台 · Sandbox cashier</title>
<h1>收银台 · Sandbox cashier</h1>
<p>{{.Subject}}</p>
<p>CNY {{.Amount}}</p>
{{if .Open}}<form method="post" action="cashier">
<input type="hidden" name="trade_no" value="{{.TradeNo}}">
<select name="channel">{{range .Payable}}<option>{{.}}</option>{{end}}</select>
<button>付款 · Pay</button>
</form>{{else if eq .Status "TRADE_SUCCESS"}}<p>已付款 · Paid</p>{{else}}<p>已关闭 · Closed</p>{{end}}
</html>
`))

// cashierChannels are what the cashier knows to pay by, the usual one first.
var cashierChannels = []string{
	"ALIPAYACCOUNT", "FINANCEACCOUNT", bankCard, "PCREDIT", "PCREDITPAYINSTALLMENT", "CREDITCARD", "HONEYPAY", "COUPON", "POINT",
	"DISCOUNT", "PCARD", "MCARD", "MDISCOUNT", "MCOUPON",
}

// cashierSource is what a buyer chose. A card is one that does not lend.
func cashierSource(channel string) source {
	chosen := source{Channel: channel}
	if channel == bankCard {
		chosen.Type = debitCard
	}
	return chosen
}

// cashierView is an order or a trade as the cashier shows it.
type cashierView struct {
	trade
	late bool // its time is over
}

// Open reports whether it can be paid, by whoever signs in.
func (v cashierView) Open() bool { return v.Status == waitBuyerPay || v.Status == ordered && !v.late }

// Payable lists the channels that the order leaves to the buyer.
func (v cashierView) Payable() []string {
	return slices.DeleteFunc(slices.Clone(cashierChannels), func(channel string) bool { return v.forbids(cashierSource(channel)) })
}

// errorPage is what a person sees whose order is not taken. Nobody signs it.
var errorPage = template.Must(template.New("error").Parse(`<!doctype html>
<html lang="zh">
<meta charset="utf-8">
<title>错误 · Error</title>
<h1>{{.SubMsg}}</h1>
<p>{{.SubCode}}</p>
</html>
`))

// showError answers who has opened a page that leads nowhere.
func (g *Gateway) showError(w http.ResponseWriter, no *status) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if err := errorPage.Execute(w, no); err != nil {
		g.logger.Warn("sandbox alipay: an error could not be shown", "error", err)
	}
}

var sameOrigin = http.NewCrossOriginProtection()

func (g *Gateway) serveCashier(w http.ResponseWriter, r *http.Request) {
	c := g.books.page(r.Form.Get("trade_no"))
	if c == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method == http.MethodPost {
		if err := sameOrigin.Check(r); err != nil {
			http.Error(w, "press pay on the cashier's own page", http.StatusForbidden)
			return
		}
		channel := cmp.Or(r.Form.Get("channel"), cashierChannels[0])
		_, err := g.payTrade(r.Context(), c, sent{sources: []source{cashierSource(channel)}, strict: true, notify: notifyNormal})
		var refused *refusal
		if errors.As(err, &refused) && refused.Code == "channel_disabled" {
			http.Error(w, refused.Error(), http.StatusConflict)
			return
		}
		if err != nil && !errors.Is(err, errAlreadyPaid) && !errors.As(err, &refused) {
			g.logger.Error("sandbox alipay: a payment failed", "error", err)
			http.Error(w, "system error", http.StatusInternalServerError)
			return
		}
	}
	shown, err := g.lock(r.Context(), c)
	if err != nil {
		g.logger.Error("sandbox alipay: a trade could not be read", "error", err)
		http.Error(w, "system error", http.StatusInternalServerError)
		return
	}
	known := shown.kept
	shown.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	if err := cashierPage.Execute(w, cashierView{known, g.isLate(known)}); err != nil {
		g.logger.Warn("sandbox alipay: the cashier could not be shown", "error", err)
	}
}
