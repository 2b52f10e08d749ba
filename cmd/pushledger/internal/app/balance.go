package app

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	balanceLook  = 5 * time.Minute // between two questions about the balance
	balanceAgain = time.Hour       // after which it is said again that it is too low
)

// balances is what is known of the money at Alipay and of what is owed of it.
type balances struct {
	known           atomic.Bool // Alipay has told
	available, owed atomic.Int64
}

// measureBalances adds both to the metrics.
func (s *Service) measureBalances() {
	s.reading.metrics.Observe("pushledger_alipay_balance_fen", "What the merchant has available at Alipay; NaN where it is not told.", func() float64 {
		if !s.balances.known.Load() {
			return math.NaN()
		}
		return float64(s.balances.available.Load())
	})
	s.reading.metrics.Observe("pushledger_obligations_fen", "What the ledger owes to buyers and sellers, which has to be at Alipay.",
		func() float64 { return float64(s.balances.owed.Load()) })
}

// watchBalance compares the balance at Alipay with what is owed, until ctx ends.
func (s *Service) watchBalance(ctx context.Context) error {
	var said saidOfBalance
	for {
		s.lookAtBalance(ctx, &said)
		if !wait(ctx, balanceLook) {
			return ctx.Err()
		}
	}
}

func (s *Service) lookAtBalance(ctx context.Context, said *saidOfBalance) {
	owed, err := s.reading.pushes.Obligations(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.config.Logger.Warn("what the ledger owes is not known", "error", err)
		}
		return
	}
	s.balances.owed.Store(int64(owed))
	available, err := s.provider.Balance(ctx)
	if err == nil {
		s.balances.available.Store(int64(available))
	}
	s.balances.known.Store(err == nil)
	if ctx.Err() == nil {
		said.tell(available, owed, err, now(), s.config.Logger)
	}
}

// saidOfBalance is what the log has been told.
type saidOfBalance struct {
	untold bool // that Alipay does not tell
	low    time.Time
}

// tell warns of a balance that is below what is owed. That Alipay does not tell it is said
// once, and is nothing to worry about: not every contract lets it be asked.
func (s *saidOfBalance) tell(available, owed money.Fen, err error, now time.Time, logger *slog.Logger) {
	var wrong *payment.Misconfigured
	var refused *payment.Refused
	switch {
	case errors.As(err, &wrong) || errors.As(err, &refused):
		if !s.untold {
			s.untold = true
			logger.Info("Alipay does not tell the balance, so nobody is warned when it is too low", "reason", err)
		}
	case err != nil:
		logger.Debug("the balance at Alipay is not known", "error", err)
	case available >= owed:
		*s = saidOfBalance{}
	case now.Sub(s.low) >= balanceAgain:
		s.low = now
		logger.Warn("the balance at Alipay is below what the ledger owes: payouts or refunds will have to wait", "balance", available, "owed", owed)
	}
}
