package alipaygateway

import (
	"errors"
	"html/template"
	"net/http"
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
{{if eq .Status "WAIT_BUYER_PAY"}}<form method="post" action="cashier">
<input type="hidden" name="trade_no" value="{{.TradeNo}}">
<button>付款 · Pay</button>
</form>{{else if eq .Status "TRADE_SUCCESS"}}<p>已付款 · Paid</p>{{else}}<p>已关闭 · Closed</p>{{end}}
</html>
`))

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
		_, err := g.payTrade(r.Context(), c, sent{channel: "ALIPAYACCOUNT", notify: notifyNormal})
		var refused *refusal
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
	if err := cashierPage.Execute(w, known); err != nil {
		g.logger.Warn("sandbox alipay: the cashier could not be shown", "error", err)
	}
}
