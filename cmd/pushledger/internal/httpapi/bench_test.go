package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// BenchmarkPush measures Q1: one push over HTTP, against a handler that returns a constant
// of the same size.
func BenchmarkPush(b *testing.B) {
	ledger := pushestest.Start(b)
	ledger.Show(b, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	door := handler(ledger)
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/pushes/p-1", http.NoBody)
	request.Header.Set("Authorization", "Bearer trader anna")
	answer := httptest.NewRecorder()
	door.ServeHTTP(answer, request)
	require.Equal(b, http.StatusOK, answer.Code)
	constant := answer.Body.Bytes()
	for name, handler := range map[string]http.Handler{
		"ours":     door,
		"constant": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(constant) }),
	} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(handler)
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			defer client.CloseIdleConnections()
			b.RunParallel(func(running *testing.PB) {
				for running.Next() {
					request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/v1/pushes/p-1", http.NoBody)
					if err != nil {
						b.Error(err)
						return
					}
					request.Header.Set("Authorization", "Bearer trader anna")
					response, err := client.Do(request)
					if err != nil {
						b.Error(err)
						return
					}
					_, err = io.Copy(io.Discard, response.Body)
					if closeErr := response.Body.Close(); err != nil || closeErr != nil || response.StatusCode != http.StatusOK {
						b.Error(err, closeErr, response.Status)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
		})
	}
}
