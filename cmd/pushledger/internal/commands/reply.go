package commands

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// Reply is the answer to a command.
type Reply struct {
	OK        bool          `json:"ok"`
	PushID    string        `json:"push_id,omitzero"`
	Status    push.Status   `json:"status,omitzero"`
	Version   int           `json:"version,omitzero"`
	Seq       uint64        `json:"seq,omitzero"` // queries at or past it show the change
	CommandID string        `json:"command_id,omitzero"`
	Payment   *Payment      `json:"payment,omitzero"` // of an accept with something to pay
	Error     *push.Refusal `json:"error,omitzero"`
}

// Payment tells the buyer where, how much and until when to pay.
type Payment struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
	Amount    money.Fen `json:"amount"`
}

// success is the answer to a command from what it did, the same at every repetition.
func success(verb string, outcome ledger.Outcome) Reply {
	reply := Reply{
		OK: true, PushID: outcome.State.ID, Status: outcome.State.Status,
		Version: outcome.State.Version, Seq: outcome.Sequence, CommandID: outcome.CommandID,
	}
	if payment := outcome.State.Payment; verb == verbAccept && payment.TradeNo != "" {
		reply.Payment = &Payment{URL: payment.PayURL, ExpiresAt: payment.PayBy, Amount: outcome.State.Total}
	}
	return reply
}

// failure is the answer no. What is not a refusal is trouble of our own: the caller
// learns only that it may try again.
func failure(commandID string, err error) Reply {
	var refusal *push.Refusal
	if !errors.As(err, &refusal) {
		refusal = push.Refuse(push.CodeUnavailable, "")
	}
	if id, err := uuid.Parse(commandID); err != nil || !strings.EqualFold(id.String(), commandID) {
		commandID = "" // what is no id is not sent back: it can be anything
	}
	return Reply{CommandID: commandID, Error: named(refusal)}
}

// named adds the Unicode form of every domain that has another one, since a name that
// looks like a different one does so in one of its forms only.
func named(refusal *push.Refusal) *push.Refusal {
	both := *refusal
	both.Violations = slices.Clone(refusal.Violations)
	for i, violation := range both.Violations {
		if unicode := violation.Domain.Unicode(); violation.Input == "" && unicode != string(violation.Domain) {
			both.Violations[i].DomainUnicode = unicode
		}
	}
	return &both
}
