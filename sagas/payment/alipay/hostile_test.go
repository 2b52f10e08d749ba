package alipay_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

// Fault F36: rubbish of every kind says nothing about what was done.
func TestAnUnusableAnswerDecidesNothing(t *testing.T) {
	g := newGateway(t)
	refusal := no("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在")
	for method, call := range calls {
		node := strings.ReplaceAll(method, ".", "_") + "_response"
		sound := answer(t, method, refusal, alipayKey())
		for name, says := range map[string]http.HandlerFunc{
			"nothing":              raw(""),
			"rubbish":              raw("\x00\xffnot json"),
			"null":                 raw("null"),
			"a list":               raw("[]"),
			"no signature":         raw(`{"` + node + `":` + refusal + `}`),
			"an empty signature":   raw(`{"` + node + `":` + refusal + `,"sign":""}`),
			"a null node":          raw(`{"` + node + `":null}`),
			"a signed null":        answer(t, method, "null", alipayKey()),
			"a signed text":        answer(t, method, `"x"`, alipayKey()),
			"a stranger's no":      answer(t, method, refusal, merchantKey()),
			"another call's no":    answer(t, "alipay.user.info.share", refusal, alipayKey()),
			"a plain error":        raw(`{"error_response":` + refusal + `}`),
			"a plain null error":   raw(`{"error_response":null}`),
			"half a body":          cut(sound),
			"HTTP 500":             status(http.StatusInternalServerError),
			"HTTP 502 with a no":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway); raw("{}")(w, r) },
			"a redirect to it":     redirect(g.server.URL + "/gateway.do?method=" + query),
			"a dropped connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			g.say(method, says)
			undecided(t, call(g, t.Context()), method, name)
		}
	}
}

func cut(whole http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		whole(w, r)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
}

func TestAHugeAnswerIsNotReadToItsEnd(t *testing.T) {
	g := newGateway(t)
	for method, call := range calls {
		g.say(method, huge)
		err := call(g, t.Context())
		undecided(t, err, method)
		require.ErrorContains(t, err, "an answer of more than", method)
	}
}

// huge has no end of its own.
func huge(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	g := newGateway(t)
	g.say(refunding, redirect(g.server.URL+"/gateway.do?method="+query))
	g.say(pagePay, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/gateway.do?method="+query, http.StatusFound)
	})
	undecided(t, calls[refunding](g, t.Context()))
	require.NoError(t, calls[pagePay](g, t.Context()), "the payment page is the buyer's")
	require.NotContains(t, g.calls(), query)
}

func TestOnlyASignedBusinessRefusalIsFinal(t *testing.T) {
	g := newGateway(t)
	for method, call := range calls {
		for name, node := range map[string]string{
			"service unavailable": no("20000", "isp.unknow-error", "x"),
			"permission":          no("40006", "isv.insufficient-isv-permissions", "x"),
			"bad signature":       no("40002", "isv.invalid-signature", "x"),
			"call limited":        no("40005", "isv.call-limited", "x"),
			"in process":          no("10003", "", ""),
			"no code":             no("", "ACQ.TRADE_NOT_EXIST", "x"),
			"no reason":           no("40004", "", ""),
			"system error":        no("40004", "ACQ.SYSTEM_ERROR", "x"),
			"fund system error":   no("40004", "SYSTEM_ERROR", "x"),
			"being processed":     no("40004", "REQUEST_PROCESSING", "x"),
			"platform error":      no("40004", "aop.ACQ.SYSTEM_ERROR", "x"),
		} {
			g.sign(method, node)
			undecided(t, call(g, t.Context()), method, name)
		}
	}
}

func TestACallThatIsNotAnsweredEnds(t *testing.T) {
	g := newGateway(t)
	settings := config(t, g.server.URL)
	settings.Timeout = 50 * time.Millisecond
	impatient, err := alipay.New(settings)
	require.NoError(t, err)
	defer impatient.Disconnect()
	bounded := &gateway{Provider: impatient, server: g.server}
	for method, call := range calls {
		g.say(method, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		err := call(bounded, t.Context())
		undecided(t, err, method)
		require.ErrorIs(t, err, context.DeadlineExceeded, method)
		require.NotContains(t, err.Error(), "method=", "a signed order is nothing for the log")
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*alipay.Config){
		"no application":     func(c *alipay.Config) { c.AppID = "" },
		"no seller":          func(c *alipay.Config) { c.SellerID = "" },
		"no private key":     func(c *alipay.Config) { c.PrivateKey = "" },
		"no key at all":      func(c *alipay.Config) { c.PrivateKey = "bm90IGEga2V5" },
		"no public key":      func(c *alipay.Config) { c.AlipayPublicKey = "" },
		"gateway elsewhere":  func(c *alipay.Config) { c.Gateway = "ftp://alipay.example/gateway.do" },
		"gateway with query": func(c *alipay.Config) { c.Gateway = "https://alipay.example/gateway.do?a=1" },
		"nowhere to notify":  func(c *alipay.Config) { c.NotifyURL = "/alipay/notify" },
	} {
		settings := config(t, "https://alipay.example")
		spoil(&settings)
		_, err := alipay.New(settings)
		require.Error(t, err, name)
	}
}
