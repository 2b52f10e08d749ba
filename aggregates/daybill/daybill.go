// Package daybill holds what the payment provider's bill of one day has come to: that the
// journal was held against it, and the fees on it, which are the platform's cost. A day is
// an aggregate of its own, so that whoever reconciles it a second time meets the first and
// nothing is booked twice.
package daybill

import (
	"errors"
	"fmt"
	"time"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Event is a fact about the bill of one day.
//
//sumtype:decl
type Event interface {
	aggregates.Event
	daybill()
}

// Found is what a bill says, and what was found when the journal was held against it.
type Found struct {
	Day         string    `json:"day"`         // of the provider, such as 2026-11-02
	Fees        money.Fen `json:"fees"`        // that the provider has charged on that day
	FeesBack    money.Fen `json:"fees_back"`   // that it has given back
	Payments    int       `json:"payments"`    // rows of the bill, of trades that were paid
	Refunds     int       `json:"refunds"`     // likewise, of refunds
	Expenses    int       `json:"expenses"`    // rows by which money went out: refunds, payouts and what is not the ledger's
	Differences int       `json:"differences"` // between bill and journal, when it was recorded
	Digest      string    `json:"digest"`      // SHA-256 over the rows of the bill, in hex
}

// Reconciled says that the journal was held against the bill of a day for the first time.
// It books the fees.
type Reconciled struct {
	At time.Time `json:"at"`
	Found
}

// EventType implements aggregates.Event.
func (Reconciled) EventType() string { return "BillReconciled" }

func (Reconciled) daybill() {}

// State is what is known of a day; the zero State is that it was not reconciled.
type State struct{ Digest string }

// Evolve applies one event.
func Evolve(state State, event Event) State {
	switch event := event.(type) {
	case Reconciled:
		state.Digest = event.Digest
	}
	return state
}

// ErrChanged means that a day was reconciled with another bill than there is now.
var ErrChanged = errors.New("daybill: the bill has changed since its fees were booked")

// ErrInvalid means that something cannot be what a bill of a day says.
var ErrInvalid = errors.New("daybill: invalid")

// Decide records a day that was not reconciled before. The same bill again changes nothing,
// and another one is ErrChanged: it is for a person, and books nothing.
func Decide(state State, found Found, now time.Time) ([]Event, error) {
	switch {
	case !valid(found):
		return nil, fmt.Errorf("%w: %+v", ErrInvalid, found)
	case state.Digest == "":
		return []Event{Reconciled{At: now, Found: found}}, nil
	case state.Digest == found.Digest:
		return nil, nil
	default:
		return nil, ErrChanged
	}
}

const digestLength = 64

func valid(found Found) bool {
	_, err := time.Parse(time.DateOnly, found.Day)
	if err != nil || len(found.Digest) != digestLength {
		return false
	}
	for _, amount := range []money.Fen{found.Fees, found.FeesBack} {
		if amount < 0 || amount > money.Max {
			return false
		}
	}
	return min(found.Payments, found.Refunds, found.Expenses, found.Differences) >= 0
}

// Postings is what an event means for the journal: what the provider has kept for itself
// is not there any more, and is the platform's cost.
func Postings(event Event) []push.Posting {
	var postings []push.Posting
	switch e := event.(type) {
	case Reconciled:
		if e.Fees > 0 {
			postings = append(postings, push.Posting{From: push.ChannelFeeAccount, To: push.ClearingAccount, Amount: e.Fees})
		}
		if e.FeesBack > 0 {
			postings = append(postings, push.Posting{From: push.ClearingAccount, To: push.ChannelFeeAccount, Amount: e.FeesBack})
		}
	}
	return postings
}
