package app

import (
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/purchase"
)

const maxNotification = 64 << 10

// notify takes the payment provider's notifications. It says "success" only once what
// they tell is in the log; anything else makes the provider send them again.
type notify struct {
	provider payment.Provider
	saga     *purchase.Saga
	refused  func() // counts what was forged
	logger   *slog.Logger
}

// ServeHTTP implements http.Handler.
func (n notify) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxNotification)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "fail", http.StatusBadRequest)
		return
	}
	trade, err := n.provider.Notification(r.PostForm)
	if err == nil {
		err = n.saga.Notified(r.Context(), trade)
	}
	switch {
	case err == nil:
		_, _ = io.WriteString(w, "success") // a provider that has gone asks again
	case errors.Is(err, payment.ErrForged) || errors.Is(err, purchase.ErrNotOurs):
		n.refused()
		n.logger.WarnContext(r.Context(), "notification refused", "remote", r.RemoteAddr, "error", err)
		http.Error(w, "fail", http.StatusBadRequest)
	default:
		n.logger.WarnContext(r.Context(), "notification not recorded yet", "error", err)
		http.Error(w, "fail", http.StatusServiceUnavailable)
	}
}

// postOnly answers every other method.
func postOnly(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", http.MethodPost)
	http.Error(w, "fail", http.StatusMethodNotAllowed)
}
