package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance/acceptancetest"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

func TestABuyerSeesWhatWouldRefuseItsAcceptance(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha, "beta.com"))
	platform := acceptancetest.New("anna")
	door := handlerOn(ledger, platform)
	require.Equal(t, true, decode(t, ask(t, door, "trader bo", "/v1/pushes/p-1/facts"))["acceptable"])

	locked := acceptancetest.Healthy("beta.com", "anna")
	locked.AccountMoveLocked = true
	platform.Set(locked)

	facts := decode(t, ask(t, door, "trader bo", "/v1/pushes/p-1/facts"))
	require.Equal(t, false, facts["acceptable"])
	domains := facts["domains"].([]any)
	require.Empty(t, domains[0].(map[string]any)["violations"])
	require.Equal(t, true, domains[1].(map[string]any)["account_move_locked"])
	violation := domains[1].(map[string]any)["violations"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"beta.com", "P4", push.CodeAccountMoveLocked}, []any{violation["domain"], violation["rule"], violation["code"]})
}

func TestFactsAreUnavailableWhileTheRegistrarIs(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	platform := acceptancetest.New("anna")
	platform.Leave()
	door := handlerOn(ledger, platform)
	requireProblem(t, http.StatusServiceUnavailable, push.CodeUnavailable, ask(t, door, "trader bo", "/v1/pushes/p-1/facts"))
	requireProblem(t, http.StatusNotFound, push.CodePushNotFound, ask(t, door, "trader carl", "/v1/pushes/p-1/facts"))
}

func TestWhoAsksForFactsWithoutEndIsToldToWait(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	door := handler(ledger)
	answer := ask(t, door, "trader bo", "/v1/pushes/p-1/facts")
	for answer.Code == http.StatusOK {
		answer = ask(t, door, "trader bo", "/v1/pushes/p-1/facts")
	}
	requireProblem(t, http.StatusTooManyRequests, push.CodeRateLimited, answer)
	require.Equal(t, http.StatusOK, ask(t, door, "trader anna", "/v1/pushes/p-1/facts").Code)
}
