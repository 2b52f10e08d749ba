package telemetry_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

func TestMetricsTellHowFarReadModelsAre(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", "alpha.com"))
	ledger.Show(t, "p-2", pushestest.Offered("p-2", "anna", "bo", "beta.com"))
	metrics := telemetry.NewMetrics()
	metrics.Models(ledger.Models(), slog.New(slog.DiscardHandler))
	metrics.Observe("pushledger_purchases_open", "Open.", func() float64 { return 7 })
	for i, which := range []string{"app", "root"} {
		metrics.ObserveOne("pushledger_alipay_certificate_expiry_seconds", "When.", "certificate", which, func() float64 { return float64(i) })
	}
	metrics.NotificationRefused()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/pushes/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, path := range []string{"/v1/pushes/anna-1", "/made-up"} {
		metrics.Timed(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	}

	answer := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))

	for _, line := range []string{
		`pushledger_projection_position{model="pushes"} 4`, `pushledger_projection_lag_events{model="accounts"} 0`,
		`pushledger_alipay_certificate_expiry_seconds{certificate="app"} 0`, `pushledger_alipay_certificate_expiry_seconds{certificate="root"} 1`,
		`pushledger_projection_stopped{model="pushes"} 0`, `pushledger_purchases_open 7`, `pushledger_notifications_refused_total 1`,
		`pushledger_http_request_seconds_count{path="GET /v1/pushes/{id}",status="418"} 1`, `pushledger_http_request_seconds_count{path="",status="404"} 1`,
	} {
		require.Contains(t, answer.Body.String(), line)
	}
	require.NotContains(t, answer.Body.String(), "anna")
	require.NotContains(t, answer.Body.String(), "made-up")
}
