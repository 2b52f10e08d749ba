package purchase

import (
	"context"
	"errors"
	"fmt"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
)

// ErrNotOurs means that a notification names no push of this ledger, or says what the
// provider itself, when asked, does not confirm.
var ErrNotOurs = errors.New("purchase: the notification fits no push")

// Notified takes a notification of the provider whose signature has been checked. It
// returns nil once what it says is recorded, or nothing had to be; only then may it be
// acknowledged. A payment that fits the push is taken at its word; anything else is
// believed only if the provider says the same when asked.
func (s *Saga) Notified(ctx context.Context, trade payment.Trade) error {
	if ledger.PushStream(trade.PushID).Validate() != nil { // a trade that others made for the same merchant
		return fmt.Errorf("%w: push %.80q, trade %q", ErrNotOurs, trade.PushID, trade.TradeNo)
	}
	if known, err := s.Ledger.Recent(ctx, trade.PushID); err == nil && trade.State == payment.TradePaid && fits(known.State, trade) {
		_, err = s.receive(ctx, trade.PushID, trade)
		return err
	}
	loaded, err := s.Ledger.Load(ctx, trade.PushID)
	switch {
	case err != nil:
		return err
	case loaded.State.Status == push.StatusNone:
		return fmt.Errorf("%w: push %q, trade %q", ErrNotOurs, trade.PushID, trade.TradeNo)
	case trade.State != payment.TradePaid:
		return nil // closing and waiting are asked about, never told
	}
	if fits(loaded.State, trade) {
		_, err = s.receive(ctx, trade.PushID, trade)
		return err
	}
	confirmed, err := s.Provider.Query(ctx, trade.TradeNo)
	if errors.Is(err, payment.ErrTradeNotFound) {
		return fmt.Errorf("%w: the provider knows no trade %q", ErrNotOurs, trade.TradeNo)
	}
	if err != nil {
		return err
	}
	if confirmed.State == payment.TradeWaiting || confirmed.State == payment.TradePaid && confirmed.Amount != trade.Amount {
		return fmt.Errorf("%w: trade %q is %s with %s", ErrNotOurs, trade.TradeNo, confirmed.State, confirmed.Amount)
	}
	if confirmed.State != payment.TradePaid {
		return nil // refunded since
	}
	_, err = s.receive(ctx, trade.PushID, confirmed)
	return err
}

// fits reports whether a notification is simply the awaited payment. One that does not tell
// the sources of the money is not: they may not be in notifications by contract, and are in
// the answer to a question.
func fits(state push.State, trade payment.Trade) bool {
	return trade.TradeNo == state.Payment.TradeNo && trade.Amount == state.Total && len(trade.Channels) > 0
}

// receive records money that the provider says has come in.
func (s *Saga) receive(ctx context.Context, id string, trade payment.Trade) (ledger.Outcome, error) {
	var decided []push.Event
	outcome, err := s.Ledger.Record(ctx, id, func(state push.State) []push.Event {
		now := s.Now()
		decided = push.DecideReceipt(state, push.Receipt{
			TradeNo: trade.TradeNo, ProviderTradeNo: trade.ProviderTradeNo, Amount: trade.Amount,
			Received: trade.Received, BuyerPaid: trade.BuyerPaid, Channels: trade.Channels, Payer: trade.Payer, PaidAt: trade.PaidAt,
			Insisted: !now.Before(trade.PaidAt.Add(s.SourcesPatience)),
		}, now)
		return decided
	})
	if err == nil {
		s.alarm(ctx, id, decided)
	}
	return outcome, err
}

// alarm tells of money from a channel that nobody here knows. It goes back by itself; that
// the list of channels is behind Alipay's does not mend itself.
func (s *Saga) alarm(ctx context.Context, id string, recorded []push.Event) {
	for _, event := range recorded {
		stray, is := event.(push.StrayReceived)
		if !is || stray.Cause != push.StrayUnknownChannel {
			continue
		}
		s.Logger.ErrorContext(ctx, "MONEY FROM AN UNKNOWN CHANNEL is sent back: rule T6 does not know it as money or credit",
			"push_id", id, "trade_no", stray.TradeNo, "amount", stray.Amount, "channels", stray.Channels)
		if s.UnknownChannel != nil {
			s.UnknownChannel()
		}
	}
}
