package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/httpapi"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// reader reads server-sent events.
type reader struct {
	response *http.Response
	lines    *bufio.Reader
}

type sent struct{ id, event, data string }

func follow(t *testing.T, url, token, query string, headers ...string) *reader {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/events?"+query, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, response.Body.Close()); http.DefaultClient.CloseIdleConnections() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	return &reader{response, bufio.NewReader(response.Body)}
}

// next reads one event; at the end of the stream none.
func (r *reader) next(t *testing.T) (event sent, more bool) {
	t.Helper()
	for {
		line, err := r.lines.ReadString('\n')
		if err == io.EOF {
			return sent{}, false
		}
		require.NoError(t, err)
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case name == "id":
			event.id = value
		case name == "event":
			event.event = value
		case name == "data":
			event.data = value
		case line == "\n" && event.id != "":
			return event, true
		}
	}
}

func (r *reader) rest(t *testing.T) (told []string) {
	t.Helper()
	for {
		event, more := r.next(t)
		if !more {
			return told
		}
		told = append(told, event.id+" "+event.event)
	}
}

func serveDoor(t *testing.T, ledger *pushestest.Fixture, stopping <-chan struct{}) string {
	t.Helper()
	server := httptest.NewServer(httpapi.New(httpapi.Config{
		Pushes: ledger.Queries, Accounts: ledger.Accounts, Models: ledger.Models(), Metrics: telemetry.NewMetrics(), Authenticate: authenticate, Stopping: stopping,
		Version: "1.2.3", Logger: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestEventsAreToldToWhoMaySeeThem(t *testing.T) {
	ledger := pushestest.Start(t)
	url := serveDoor(t, ledger, nil)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", "alpha.com"), push.Withdrawn{})
	ledger.Show(t, "p-2", pushestest.Offered("p-2", "carl", "bo", "beta.com"))
	for token, want := range map[string][]string{
		"trader anna": {"1 Offered", "3 Withdrawn"}, "trader carl": {"5 Offered"}, "trader eve": nil,
		"trader bo": {"1 Offered", "3 Withdrawn", "5 Offered"}, "auditor au": {"1 Offered", "3 Withdrawn", "5 Offered"},
	} {
		require.Equal(t, want, follow(t, url, token, "").rest(t), token)
	}
	require.Equal(t, []string{"3 Withdrawn", "5 Offered"}, follow(t, url, "trader bo", "after=1").rest(t))
	require.Equal(t, []string{"3 Withdrawn"}, follow(t, url, "trader anna", "after=2&push_id=p-1").rest(t))
	require.Equal(t, []string{"5 Offered"}, follow(t, url, "trader bo", "after=0", "Last-Event-ID", "3").rest(t), "the header counts more")
	require.Empty(t, follow(t, url, "trader bo", "after=end").rest(t))
	event, more := follow(t, url, "trader anna", "after=1").next(t)
	require.True(t, more)
	var told map[string]any
	require.NoError(t, json.Unmarshal([]byte(event.data), &told))
	require.Equal(t, "p-1", told["push_id"])
	require.EqualValues(t, 3, told["seq"])
	require.NotEmpty(t, told["zh"])

	door := handler(ledger)
	requireProblem(t, http.StatusNotFound, push.CodePushNotFound, ask(t, door, "trader anna", "/v1/events?push_id=p-2"))
	requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", "/v1/events?after=x"))
	requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", "/v1/events?after=99"))
	requireProblem(t, http.StatusUnauthorized, "unauthenticated", ask(t, door, "", "/v1/events"))
}

func TestAFollowerIsToldWhatIsYetToComeUntilTheServiceStops(t *testing.T) {
	ledger := pushestest.Start(t)
	stopping := make(chan struct{})
	url := serveDoor(t, ledger, stopping)
	live := follow(t, url, "trader bo", "follow=true")
	for i := range 5 {
		id := "p-" + strconv.Itoa(i)
		sequence := ledger.Record(t, id, pushestest.Offered(id, "anna", "bo"))
		event, more := live.next(t)
		require.True(t, more)
		require.Equal(t, sent{strconv.FormatUint(sequence, 10), "Offered", event.data}, event)
	}
	close(stopping)
	require.Empty(t, live.rest(t))
}

// F55: what a token has opened ends with it.
func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Cleanup(httpapi.Beat(10 * time.Millisecond))
	ledger := pushestest.Start(t)
	var withdrawn atomic.Bool
	config := configOf(ledger)
	config.Authenticate = func(token string) (identity.Identity, error) {
		if withdrawn.Load() {
			return identity.Identity{}, identity.ErrRefused
		}
		return authenticate(token)
	}
	door := httptest.NewServer(httpapi.New(config))
	t.Cleanup(door.Close)
	live := follow(t, door.URL, "trader bo", "follow=true")
	ledger.Record(t, "p-1", pushestest.Offered("p-1", "anna", "bo"))
	_, more := live.next(t)
	require.True(t, more)

	withdrawn.Store(true)

	require.Empty(t, live.rest(t))
}

func TestF38AReaderWhoDoesNotReadHoldsUpNobody(t *testing.T) {
	ledger := pushestest.Start(t)
	url := serveDoor(t, ledger, nil)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events?follow=true", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer trader bo")
	idle, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	brisk := follow(t, url, "trader bo", "follow=true")
	remark := strings.Repeat("长", push.MaxText)
	const offers = 5000 // far more than fits between the two
	for i := range offers {
		id := "p-" + strconv.Itoa(i)
		offered := pushestest.Offered(id, "anna", "bo")
		offered.Remark = remark
		ledger.Record(t, id, offered)
	}
	for range offers {
		_, more := brisk.next(t)
		require.True(t, more)
	}
	leave()
	require.NoError(t, idle.Body.Close())
}

func TestAStatementComesAsJSONAndAsCSV(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Payment(offered)...)...)
	door := handler(ledger)
	shown := decode(t, ask(t, door, "trader bo", "/v1/accounts/bo/statement"))
	require.Equal(t, []any{"0.00", "100.00"}, []any{shown["opening_balance"], shown["closing_balance"]})
	require.Len(t, shown["lines"], 1)
	for _, answer := range []*httptest.ResponseRecorder{
		ask(t, door, "trader bo", "/v1/accounts/bo/statement", "Accept", "text/csv"),
		ask(t, door, "auditor au", "/v1/accounts/bo/statement?format=csv"),
	} {
		require.Equal(t, "text/csv; charset=utf-8", answer.Header().Get("Content-Type"))
		require.Contains(t, answer.Body.String(), "closing balance,,,100.00")
	}
	requireProblem(t, http.StatusForbidden, pushes.CodeNotAllowed, ask(t, door, "trader anna", "/v1/accounts/bo/statement"))
	requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader bo", "/v1/accounts/bo/statement?from=soon"))
}

func TestTheWorkListShowsWhatIsStuckAndWhy(t *testing.T) {
	ledger := pushestest.Start(t)
	good, stuck := pushestest.Offered("p-1", "anna", "bo", alpha), pushestest.Offered("p-2", "anna", "bo", "beta.com")
	ledger.Show(t, "p-1", append([]push.Event{good}, pushestest.Payment(good)...)...)
	ledger.Show(t, "p-1", push.DeliveryStarted{})
	events := pushestest.Purchase(stuck)
	ledger.Show(t, "p-2", append([]push.Event{stuck}, events[:len(events)-2]...)...)
	ledger.Show(t, "p-2", push.PayoutRefused{At: time.Date(2026, 11, 2, 4, 30, 0, 0, time.UTC), Code: "PAYEE_NOT_EXIST", Message: "收款账号不存在"})
	ledger.Show(t, "p-3", pushestest.Offered("p-3", "anna", "bo", "gamma.com"))
	door := handler(ledger)
	of := func(query string) map[string]map[string]any {
		found := make(map[string]map[string]any)
		for _, purchase := range decode(t, ask(t, door, "operator op", "/v1/purchases"+query))["purchases"].([]any) {
			shown := purchase.(map[string]any)
			found[shown["push_id"].(string)] = shown
		}
		return found
	}
	require.Len(t, of(""), 2)
	running := of("?state=running")
	require.Len(t, running, 1)
	require.Equal(t, "deliver", running["p-1"]["step"])
	work := of("?state=stuck")
	require.Len(t, work, 1)
	require.Equal(t, []any{"payout", "PAYEE_NOT_EXIST: 收款账号不存在", "stuck", 1.0, "2026-11-02T04:30:00Z"},
		[]any{work["p-2"]["step"], work["p-2"]["last_error"], work["p-2"]["state"], work["p-2"]["attempts"], work["p-2"]["since"]})
	requireProblem(t, http.StatusForbidden, "not_allowed", ask(t, door, "trader anna", "/v1/purchases"))
}

func TestReadModelsAreRebuiltByOperatorsOnly(t *testing.T) {
	ledger := pushestest.Start(t)
	door := handler(ledger)
	rebuild := func(token, name string) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/projections/"+name+"/rebuild", http.NoBody)
		request.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		door.ServeHTTP(answer, request)
		return answer
	}
	requireProblem(t, http.StatusForbidden, "not_allowed", rebuild("trader anna", "pushes"))
	requireProblem(t, http.StatusForbidden, "not_allowed", rebuild("auditor au", "pushes"))
	requireProblem(t, http.StatusNotFound, "not_found", rebuild("operator op", "others"))
	require.Equal(t, http.StatusAccepted, rebuild("operator op", "pushes").Code)
	requireProblem(t, http.StatusForbidden, "not_allowed", ask(t, door, "trader anna", "/v1/projections"))
	var names []any
	for _, model := range decode(t, ask(t, door, "auditor au", "/v1/projections"))["projections"].([]any) {
		names = append(names, model.(map[string]any)["model"])
	}
	require.Equal(t, []any{"pushes", "accounts"}, names)
}

func TestAnAuditorTakesACopyOfWhatIsServed(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	door := handler(ledger)
	requireProblem(t, http.StatusForbidden, "not_allowed", ask(t, door, "trader anna", "/v1/projections/pushes/copy"))
	requireProblem(t, http.StatusNotFound, "not_found", ask(t, door, "auditor au", "/v1/projections/others/copy"))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, serveDoor(t, ledger, nil)+"/v1/projections/pushes/copy", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer auditor au")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	copied, err := io.ReadAll(answer.Body)
	require.NoError(t, errors.Join(err, answer.Body.Close()))

	require.Equal(t, http.StatusOK, answer.StatusCode, string(copied))
	require.Equal(t, "application/vnd.sqlite3", answer.Header.Get("Content-Type"))
	path := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, os.WriteFile(path, copied, 0o600))
	db, err := sqldb.OpenReader(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var id string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT push_id FROM pushes").Scan(&id))
	require.Equal(t, "p-1", id)
}
