package httpapi_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance/acceptancetest"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/httpapi"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const alpha domainname.Name = "alpha.com"

// authenticate takes a token "role account" for what it says.
func authenticate(token string) (identity.Identity, error) {
	role, account, found := strings.Cut(token, " ")
	if !found {
		return identity.Identity{}, errors.New("secret reason")
	}
	return identity.Identity{Account: account, Role: identity.Role(role)}, nil
}

func handler(ledger *pushestest.Fixture) http.Handler {
	return handlerOn(ledger, acceptancetest.New("anna"))
}

// handlerOn asks a platform an hour after pushestest's offers.
func handlerOn(ledger *pushestest.Fixture, platform *acceptancetest.Platform) http.Handler {
	config := configOf(ledger)
	hourLater := pushestest.Offered("p-1", "anna", "bo").OfferedAt.Add(time.Hour)
	config.Acceptance = platform.Queries(ledger.Queries, hourLater)
	return httpapi.New(config)
}

// configOf is a server of the ledger that asks no platform.
func configOf(ledger *pushestest.Fixture) httpapi.Config {
	return httpapi.Config{
		Pushes: ledger.Queries, Accounts: ledger.Accounts, Models: ledger.Models(), Metrics: telemetry.NewMetrics(),
		Authenticate: authenticate, Version: "1.2.3", Logger: slog.New(slog.DiscardHandler), Silent: func() []string { return nil },
	}
}

func ask(t *testing.T, door http.Handler, token, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	door.ServeHTTP(answer, request)
	return answer
}

func decode(t *testing.T, answer *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body), answer.Body.String())
	return body
}

func requireProblem(t *testing.T, status int, code string, answer *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	require.Equal(t, status, answer.Code, answer.Body.String())
	require.Equal(t, "application/problem+json", answer.Header().Get("Content-Type"))
	again := status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
	require.Equal(t, again, answer.Header().Get("Retry-After") == "1")
	problem := decode(t, answer)
	require.Equal(t, code, problem["code"])
	require.EqualValues(t, status, problem["status"])
	require.Equal(t, http.StatusText(status), problem["title"])
	require.NotEmpty(t, problem["detail"])
	require.NotEmpty(t, problem["message_zh"])
	return problem
}

func TestAPushHasExactlyTheMembersOfTheInterface(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Payment(offered)[0])...)

	answer := ask(t, handler(ledger), "trader bo", "/v1/pushes/p-1")

	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	trade := push.TradeNo("p-1")
	require.JSONEq(t, `{
		"push_id": "p-1", "status": "Accepted", "seller": "anna", "buyer": "bo", "currency": "CNY",
		"total": "100.00", "fee_rate": "0.05",
		"items": [{"domain": "alpha.com", "domain_unicode": "alpha.com", "price": "100.00", "delivery": "none"}],
		"offered_at": "2026-11-02T12:00:00.0000005Z", "expires_at": "2026-11-09T12:00:00.0000005Z",
		"accepted_at": "2026-11-02T12:00:00.0000005Z",
		"payment": {"state": "waiting", "amount": "100.00", "url": "https://pay.example/`+trade+`", "expires_at": "2026-11-02T12:30:00.0000005Z"},
		"version": 2, "seq": 3
	}`, answer.Body.String())
}

func TestT1ToAStrangerEveryPathSaysThatThereIsNoSuchPush(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	door := handler(ledger)
	for _, path := range []string{
		"/v1/pushes/p-1", "/v1/pushes/p-1?as_of=1", "/v1/pushes/p-1/timeline", "/v1/pushes/p-1/facts", "/v1/domains/alpha.com",
	} {
		requireProblem(t, http.StatusNotFound, push.CodePushNotFound, ask(t, door, "trader carl", path))
		for _, token := range []string{"trader anna", "operator op", "auditor au", "service service"} {
			require.Equal(t, http.StatusOK, ask(t, door, token, path).Code, "%s %s", token, path)
		}
	}
	// That there is an account is no secret of its: the answer says why it is no.
	for _, path := range []string{"/v1/pushes?account=anna", "/v1/accounts/anna/statement", "/v1/stats/daily?account=anna"} {
		requireProblem(t, http.StatusForbidden, pushes.CodeNotAllowed, ask(t, door, "trader carl", path))
		require.Equal(t, http.StatusOK, ask(t, door, "trader anna", path).Code, path)
	}
	for _, path := range []string{"/v1/pushes", "/v1/pushes?role=&status=&domain=&from=&to=&sort=&limit=&cursor="} {
		require.JSONEq(t, `{"pushes":[],"next_cursor":""}`, ask(t, door, "trader carl", path).Body.String())
	}
}

func TestNobodyIsAnsweredWithoutAGoodToken(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	door := handler(ledger)
	for _, path := range []string{
		"/v1/pushes/p-1", "/v1/pushes", "/v1/pushes/p-1/timeline", "/v1/pushes/p-1/facts", "/v1/domains/alpha.com", "/v1/journal", "/v1/journal/balances",
	} {
		for _, headers := range [][]string{{}, {"Authorization", "Basic YTpi"}, {"Authorization", "Bearer"}, {"Authorization", "Bearer bad"}} {
			answer := ask(t, door, "", path, headers...)
			requireProblem(t, http.StatusUnauthorized, "unauthenticated", answer)
			require.Equal(t, "Bearer", answer.Header().Get("WWW-Authenticate"))
			require.NotContains(t, answer.Body.String(), "secret reason")
		}
	}
	require.Equal(t, http.StatusOK, ask(t, door, "", "/v1/pushes/p-1", "Authorization", "bearer trader anna").Code)
}

func TestTheJournalIsForOperatorsAndAuditors(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Payment(offered)...)...)
	door := handler(ledger)
	for _, path := range []string{"/v1/journal", "/v1/journal/balances"} {
		requireProblem(t, http.StatusForbidden, "not_allowed", ask(t, door, "trader anna", path))
	}
	for _, token := range []string{"operator op", "auditor au"} {
		require.JSONEq(t, `{"sum":"0.00","balances":[
			{"account":"alipay:clearing","balance":"-100.00"},{"account":"push:p-1:escrow","balance":"100.00"}]}`,
			ask(t, door, token, "/v1/journal/balances").Body.String())
		entries := decode(t, ask(t, door, token, "/v1/journal?push_id=p-1&limit=10"))["entries"]
		require.Len(t, entries, 1)
	}
}

func TestAListGoesOnWithItsCursor(t *testing.T) {
	ledger := pushestest.Start(t)
	for _, id := range []string{"p-1", "p-2", "p-3"} {
		ledger.Show(t, id, pushestest.Offered(id, "anna", "bo", domainname.Name(id+".com")))
	}
	door := handler(ledger)
	var ids []any
	for cursor := ""; ; {
		page := decode(t, ask(t, door, "trader bo", "/v1/pushes?role=buyer&status=Offered&sort=asc&limit=2&cursor="+cursor))
		for _, shown := range page["pushes"].([]any) {
			ids = append(ids, shown.(map[string]any)["push_id"])
		}
		if cursor = page["next_cursor"].(string); cursor == "" {
			break
		}
	}
	require.Equal(t, []any{"p-1", "p-2", "p-3"}, ids)
}

func TestATimelineIsToldInTwoLanguages(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	events := decode(t, ask(t, handler(ledger), "trader bo", "/v1/pushes/p-1/timeline"))["events"].([]any)
	require.Len(t, events, 1)
	event := events[0].(map[string]any)
	require.Equal(t, "The seller offered alpha.com to bo at 100.00 CNY, of which the fee is 5.00 CNY and the seller receives 95.00 CNY; the push is open until 2026-11-09 12:00:00 UTC.", event["en"])
	require.Equal(t, "卖家向 bo 发起带价 push：alpha.com，转让价格 100.00 元（手续费 5.00 元，卖家将收到 95.00 元），有效期至 2026-11-09 20:00:00（北京时间）。", event["zh"])
	require.Equal(t, "p-1", event["body"].(map[string]any)["push_id"])
	require.Equal(t, []any{"Offered", "anna"}, []any{event["type"], event["actor"]})
}

func TestADomainIsFoundInAnySpelling(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", "xn--fsqu00a.xn--fiqs8s"))
	for _, name := range []string{"xn--fsqu00a.xn--fiqs8s", "%E4%BE%8B%E5%AD%90.%E4%B8%AD%E5%9B%BD", "XN--FSQU00A.XN--FIQS8S."} {
		shown := decode(t, ask(t, handler(ledger), "trader anna", "/v1/domains/"+name))
		require.Equal(t, "例子.中国", shown["domain_unicode"])
		require.Equal(t, "p-1", shown["push"].(map[string]any)["push_id"])
	}
	requireProblem(t, http.StatusBadRequest, push.CodeInvalidDomain, ask(t, handler(ledger), "trader anna", "/v1/domains/no%20domain"))
}

func TestAWrongParameterIsNamed(t *testing.T) {
	door := handler(pushestest.Start(t))
	for path, location := range map[string]string{
		"/v1/pushes?limit=201":                          "query.limit",
		"/v1/pushes?limit=many":                         "query.limit",
		"/v1/pushes?role=owner":                         "query.role",
		"/v1/pushes?status=offered":                     "query.status",
		"/v1/pushes?sort=up":                            "query.sort",
		"/v1/pushes?unknown=1":                          "query.unknown",
		"/v1/pushes?cursor=" + strings.Repeat("a", 300): "query.cursor",
		"/v1/pushes/" + strings.Repeat("a", 65):         "path.id",
	} {
		problem := requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", path))
		require.Equal(t, location, problem["errors"].([]any)[0].(map[string]any)["location"], path)
		require.Contains(t, problem["detail"], location)
		require.Contains(t, problem["message_zh"], location)
	}
	problem := requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", "/v1/pushes?status=offered"))
	require.Contains(t, problem["detail"], "Offered, Accepted, Paid")
	odd := requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", "/v1/pushes?%1b[2J"+strings.Repeat("x", 1000)+"=1"))
	require.Less(t, len(odd["detail"].(string)), 200)
	require.NotContains(t, odd["detail"], "\x1b")
	for _, path := range []string{"/v1/pushes?from=soon", "/v1/pushes?cursor=xx", "/v1/journal?cursor=xx"} {
		requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "operator op", path))
	}
	for _, wish := range []string{"-1", "x", "18446744073709551616"} {
		requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", "/v1/pushes", "Min-Seq", wish))
	}
	requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", "/v1/pushes", "Min-Seq-Timeout", "1h"))
}

func TestMinSeqHoldsTheAnswerBackUntilItIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := pushestest.Start(t)
		door := handler(ledger)
		answered := make(chan *httptest.ResponseRecorder, 1)
		go func() {
			answered <- ask(t, door, "trader anna", "/v1/pushes/p-1", "Min-Seq", "2", "Min-Seq-Timeout", "10s")
		}()
		synctest.Wait()
		require.Empty(t, answered, "it waits")

		require.EqualValues(t, 2, ledger.Record(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha)))

		require.Equal(t, http.StatusOK, (<-answered).Code)
	})
}

func TestMinSeqThatDoesNotComeTrueIs503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := pushestest.Start(t)
		sequence := ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
		door := handler(ledger)
		for _, path := range []string{"/v1/pushes/p-1", "/v1/pushes", "/v1/pushes/p-1/timeline", "/v1/pushes/p-1/facts", "/v1/domains/alpha.com"} {
			next := strconv.FormatUint(sequence+1, 10)
			requireProblem(t, http.StatusServiceUnavailable, push.CodeUnavailable, ask(t, door, "trader anna", path, "Min-Seq", next))
			now := strconv.FormatUint(sequence, 10)
			require.Equal(t, http.StatusOK, ask(t, door, "trader anna", path, "Min-Seq", now, "Min-Seq-Timeout", "1ms").Code)
		}
	})
}

func TestTheServiceIsReadyOnceTheModelHasCaughtUp(t *testing.T) {
	ledger := pushestest.New(t)
	ledger.Record(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	door := handler(ledger)
	require.Equal(t, http.StatusOK, ask(t, door, "", "/healthz").Code)
	requireProblem(t, http.StatusServiceUnavailable, push.CodeUnavailable, ask(t, door, "", "/readyz"))

	ledger.Run(t)

	require.Equal(t, http.StatusOK, ask(t, door, "", "/readyz").Code)
}

// It is up, but of no use without those who have not answered.
func TestAReadyServiceNamesThePartnersThatHaveNotAnsweredYet(t *testing.T) {
	config := configOf(pushestest.Start(t))
	config.Silent = func() []string { return []string{"registrar", "Alipay"} }
	answer := ask(t, httpapi.New(config), "", "/readyz")
	require.Equal(t, http.StatusOK, answer.Code)
	require.Regexp(t, `(?s)^ok\n.*\nregistrar has not answered yet\nAlipay has not answered yet\n$`, answer.Body.String())
}

func TestWhatIsNotThereIsAProblemToo(t *testing.T) {
	door := handler(pushestest.Start(t))
	requireProblem(t, http.StatusNotFound, "not_found", ask(t, door, "operator op", "/v2/pushes"))
	requireProblem(t, http.StatusNotFound, "not_found", ask(t, door, "operator op", "/docs"))
}

func TestAnotherMethodIsToldWhichOnesThereAre(t *testing.T) {
	door := handler(pushestest.Start(t))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, "BREW"} {
		for _, path := range []string{"/v1/pushes/p-1", "/v1/journal", "/healthz"} {
			answer := httptest.NewRecorder()
			door.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
			requireProblem(t, http.StatusMethodNotAllowed, "method_not_allowed", answer)
			require.Equal(t, "GET, HEAD", answer.Header().Get("Allow"))
		}
	}
}

func TestAPushThatTheCallerKnowsIsNotSentAgain(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", offered)
	door := handler(ledger)
	tag := ask(t, door, "trader anna", "/v1/pushes/p-1").Header().Get("ETag")
	require.NotEmpty(t, tag)
	for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		answer := ask(t, door, "trader anna", "/v1/pushes/p-1", "If-None-Match", known)
		require.Equal(t, http.StatusNotModified, answer.Code)
		require.Empty(t, answer.Body.String())
		require.Equal(t, tag, answer.Header().Get("ETag"))
	}
	requireProblem(t, http.StatusNotFound, push.CodePushNotFound, ask(t, door, "trader carl", "/v1/pushes/p-1", "If-None-Match", "*"))

	ledger.Show(t, "p-1", pushestest.Payment(offered)[0])

	answer := ask(t, door, "trader anna", "/v1/pushes/p-1", "If-None-Match", tag)
	require.Equal(t, http.StatusOK, answer.Code)
	require.NotEqual(t, tag, answer.Header().Get("ETag"))
	require.Equal(t, http.StatusOK, ask(t, door, "trader anna", "/v1/pushes/p-1?as_of=2", "If-None-Match", answer.Header().Get("ETag")).Code)
}

func TestTheDescriptionNamesEveryPath(t *testing.T) {
	answer := ask(t, handler(pushestest.Start(t)), "", "/openapi.json")
	require.Equal(t, http.StatusOK, answer.Code)
	description := decode(t, answer)
	require.Equal(t, "3.1.0", description["openapi"])
	var paths []string
	for path, item := range description["paths"].(map[string]any) {
		paths = append(paths, path)
		operation, is := item.(map[string]any)["get"].(map[string]any)
		if !is {
			operation = item.(map[string]any)["post"].(map[string]any)
		}
		require.NotEmpty(t, operation["security"], path)
		require.Contains(t, operation["responses"].(map[string]any)["default"].(map[string]any)["content"], "application/problem+json", path)
	}
	require.ElementsMatch(t, []string{
		"/v1/pushes/{id}", "/v1/pushes", "/v1/pushes/{id}/timeline", "/v1/pushes/{id}/facts", "/v1/domains/{name}", "/v1/journal", "/v1/journal/balances",
		"/v1/bills", "/v1/purchases", "/v1/stats/daily", "/v1/accounts/{id}/statement", "/v1/events", "/v1/projections", "/v1/projections/{name}/rebuild",
		"/v1/projections/{name}/copy",
	}, paths)
	shown := description["components"].(map[string]any)["schemas"].(map[string]any)["View"].(map[string]any)
	require.NotContains(t, shown["required"], "paid_at")
	require.Contains(t, shown["required"], "total")
	require.Equal(t, "string", shown["properties"].(map[string]any)["total"].(map[string]any)["type"], "money is never a number")
}
