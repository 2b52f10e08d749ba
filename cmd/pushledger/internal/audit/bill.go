package audit

import (
	"reflect"

	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// applyBill takes a change that is about the bill of a day: one event, decided by the
// service itself, for each day no more than once. What the bill says is not in the log.
func (h *History) applyBill(change []eventstore.Recorded) error {
	own := change[0]
	event, is := own.Event.(daybill.Event)
	if !is || len(change) > 1 {
		return broken(own, "%s does not belong to the change of a bill", change[len(change)-1].Type)
	}
	if own.Metadata.Actor != ledger.ServiceActor {
		return broken(own, "%s was recorded by %q", own.Type, own.Metadata.Actor)
	}
	day := own.Stream.Key
	if err := decidedAgain(h.bills[day], day, event); err != "" {
		return broken(own, "bill of %s: %s", day, err)
	}
	h.bills[day] = daybill.Evolve(h.bills[day], event)
	return h.carry(own, daybill.Postings(event))
}

// decidedAgain says why no rule leads to an event, or nothing.
func decidedAgain(before daybill.State, day string, event daybill.Event) string {
	recorded, is := event.(daybill.Reconciled)
	if !is {
		return "it is of no known type"
	}
	if recorded.Day != day {
		return "it is about " + recorded.Day
	}
	decided, err := daybill.Decide(before, recorded.Found, recorded.At)
	switch {
	case err != nil:
		return err.Error()
	case !reflect.DeepEqual(decided, []daybill.Event{event}):
		return "it was reconciled before"
	default:
		return ""
	}
}

// carry takes postings into the books. What is outside the journal, and what the provider
// charges the platform, may be negative, and nothing else.
func (h *History) carry(own eventstore.Recorded, postings []push.Posting) error {
	touched := make(map[string]bool)
	for _, posting := range postings {
		h.balances[posting.From] -= posting.Amount
		h.balances[posting.To] += posting.Amount
		touched[posting.From], touched[posting.To] = true, true
	}
	for account := range touched {
		balance := h.balances[account]
		if balance < 0 && !push.Outside(account) && account != push.ChannelFeeAccount {
			return broken(own, "account %s would hold %s", account, balance)
		}
		if balance == 0 {
			delete(h.balances, account)
		}
	}
	return nil
}
