package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// What is asked twice is refused instead of being half understood.
func TestNothingIsAskedTwice(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	door := handler(ledger)
	for _, path := range []string{
		"/v1/pushes?status=Offered&status=Paid", "/v1/pushes?limit=1&limit=2", "/v1/pushes?limit=1&limit=1",
		"/v1/pushes/p-1?as_of=1&as_of=2", "/v1/pushes?status=%zz", "/v1/pushes?status=Offered;limit=1",
		"/v1/events?after=1&after=2", "/v1/accounts/anna/statement?from=&from=",
	} {
		requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader anna", path))
	}
	for _, header := range []string{"Authorization", "Min-Seq", "Min-Seq-Timeout", "Last-Event-ID"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/pushes", http.NoBody)
		request.Header.Set("Authorization", "Bearer trader anna")
		request.Header.Add(header, "1")
		if header != "Authorization" {
			request.Header.Add(header, "1")
		}
		answer := httptest.NewRecorder()
		door.ServeHTTP(answer, request)
		requireProblem(t, http.StatusBadRequest, "invalid_query", answer)
	}
	require.Equal(t, http.StatusOK, ask(t, door, "trader anna", "/v1/pushes?status=Offered&limit=1").Code)
}
