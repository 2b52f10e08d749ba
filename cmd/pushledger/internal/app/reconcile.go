package app

import (
	"context"
	"time"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/booked"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment/bill"
	"github.com/pushledger/pushledger/sagas/reconciliation"
)

// openReconciliation makes the daily reconciliation, if it is switched on.
func (s *Service) openReconciliation(pushLedger *ledger.Ledger) {
	if s.config.Reconcile == nil {
		return
	}
	s.reconciliation = reconciliation.New(reconciliation.Config{
		Bills: s.provider, Recorder: pushLedger, Journal: s.journalSince, At: *s.config.Reconcile, Now: now, Logger: s.config.Logger,
	})
}

// journalSince reads the journal once the read model shows all that the log holds now.
func (s *Service) journalSince(ctx context.Context, from time.Time) ([]bill.Line, error) {
	last, err := s.store.LastSequence(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.reading.pushes.WaitFor(ctx, last); err != nil {
		return nil, err
	}
	entries, err := s.reading.pushes.JournalSince(ctx, from)
	if err != nil {
		return nil, err
	}
	return booked.Lines(entries), nil
}

// runReconciliation reconciles every day until ctx ends.
func (s *Service) runReconciliation(ctx context.Context) error {
	if s.reconciliation == nil {
		return nil
	}
	return s.reconciliation.Run(ctx)
}

// measureReconciliation adds to the metrics what the last look at the bills has come to.
func (s *Service) measureReconciliation() {
	if s.reconciliation == nil {
		return
	}
	for _, figure := range []struct {
		name, help string
		value      func(reconciliation.Result) float64
	}{
		{
			"pushledger_reconcile_differences", "Differences between the journal and Alipay's bills, over the days that were looked at last.",
			func(r reconciliation.Result) float64 { return float64(r.Differences) },
		},
		{
			"pushledger_reconcile_waiting_days", "Days that could not be reconciled with Alipay's bills yet.",
			func(r reconciliation.Result) float64 { return float64(r.Waiting) },
		},
		{
			"pushledger_reconcile_last_day_seconds", "Begin of the newest day that was reconciled, in seconds since 1970; 0: none since the start.",
			func(r reconciliation.Result) float64 { return seconds(r.LastDay) },
		},
		{
			"pushledger_reconcile_success_seconds", "When no day was left to reconcile for the last time, in seconds since 1970; 0: not since the start.",
			func(r reconciliation.Result) float64 { return seconds(r.Success) },
		},
	} {
		s.reading.metrics.Observe(figure.name, figure.help, func() float64 { return figure.value(s.reconciliation.Result()) })
	}
}

func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.Unix())
}
