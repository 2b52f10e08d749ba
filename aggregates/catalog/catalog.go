// Package catalog lists every event of the ledger. Reading the log, the golden
// files and the event documentation all hang on this one list.
package catalog

import (
	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Events returns the zero value of every event type.
func Events() []aggregates.Event {
	return []aggregates.Event{
		push.Offered{},
		push.Withdrawn{},
		push.Declined{},
		push.Accepted{},
		push.Paid{},
		push.Expired{},
		push.Invalidated{},
		push.Completed{},
		push.Refunded{},
		push.PaymentOpened{},
		push.PaymentClosed{},
		push.StrayReceived{},
		push.StrayRefunded{},
		push.DeliveryStarted{},
		push.HoldStarted{},
		push.DomainsHeld{},
		push.HoldsReleased{},
		push.BuyerActed{},
		push.DomainMoved{},
		push.DomainMoveRefused{},
		push.ReturnStarted{},
		push.DomainReturned{},
		push.DomainReturnRefused{},
		push.RefundRequested{},
		push.RefundRefused{},
		push.PayoutRequested{},
		push.PaidOut{},
		push.PayoutRefused{},
		push.PayoutRenumbered{},
		push.MoveReversed{},
		push.RetryOrdered{},
		push.SettledByHand{},
		listing.Reserved{},
		listing.Released{},
		daybill.Reconciled{},
	}
}
