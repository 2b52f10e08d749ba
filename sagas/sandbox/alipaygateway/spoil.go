package alipaygateway

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

const hugeAnswer = 64 << 20 // bytes, far more than any answer has

// spoiledAnswer has a call answered by what is no answer of Alipay's.
type spoiledAnswer faultMode

func (s spoiledAnswer) Error() string {
	return "alipaygateway: a fault spoils the answer: " + string(s)
}

// pushOf finds the push that a call is about, so that a fault can be that of one push;
// empty if there is none.
func (g *Gateway) pushOf(asked call) string {
	var named struct {
		OutTradeNo string `json:"out_trade_no"`
		Passback   string `json:"passback_params"`
		Remark     string `json:"remark"`
		TradeNo    string `json:"trade_no"`
	}
	if err := json.Unmarshal([]byte(asked.content), &named); err != nil {
		return "" // the call itself will say so
	}
	if pushID, err := url.QueryUnescape(named.Passback); err == nil && pushID != "" {
		return pushID
	}
	if named.Remark != "" {
		return named.Remark
	}
	if c := g.books.page(named.TradeNo); c != nil {
		return c.read().PushID
	}
	return g.books.trade(named.OutTradeNo).read().PushID
}

// spoil answers as no sound gateway would.
func (g *Gateway) spoil(w http.ResponseWriter, mode faultMode) {
	switch mode {
	case modeRedirect:
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(http.StatusFound)
	case modeHalf:
		w.Header().Set("Content-Length", "1000")
		g.scribble(w, `{"alipay_trade_query_response":{"code":"10000","msg":"Suc`)
		if err := http.NewResponseController(w).Flush(); err != nil {
			g.logger.Info("sandbox alipay: nobody reads half an answer", "error", err)
		}
		panic(http.ErrAbortHandler) // less than was promised
	case modeHuge:
		const piece = 64 << 10
		for range hugeAnswer / piece {
			if !g.scribble(w, strings.Repeat(" ", piece)) {
				return
			}
		}
	default:
		g.scribble(w, "<html>系统繁忙</html>")
	}
}

// scribble reports whether anybody still reads.
func (g *Gateway) scribble(w http.ResponseWriter, text string) bool {
	_, err := w.Write([]byte(text))
	return err == nil
}
