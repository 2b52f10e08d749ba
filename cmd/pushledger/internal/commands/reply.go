package commands

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/pushledger/pushledger/aggregates/domainname"
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

	// Repeated says that the command had been carried out before. It is told in a header, for
	// the body is the same as the first time.
	Repeated bool `json:"-"`
}

// HeaderRepeated marks the answer to a command that had been carried out before.
const HeaderRepeated = "Repeated"

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
		Repeated: outcome.Repeated,
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

// besides is what a message holds beside its body, in bytes.
const besides = 1 << 10

// encode writes a reply so that it fits into one message of so many bytes. What 500 domains
// break may not: then the sentence of each code is there once, and the others are named by
// rule, code and domain alone. A reply that is too large would never arrive.
func encode(reply Reply, room int64) ([]byte, error) {
	body, err := json.Marshal(reply, json.Deterministic(true))
	if err != nil || int64(len(body)) <= room-besides || reply.Error == nil {
		return body, err
	}
	short := *reply.Error
	short.Violations = slices.Clone(short.Violations)
	said := make(map[string]bool)
	for i, violation := range short.Violations {
		if said[violation.Code] {
			short.Violations[i].Message, short.Violations[i].MessageZH = "", ""
		}
		said[violation.Code] = true
	}
	reply.Error = &short
	return json.Marshal(reply, json.Deterministic(true))
}

// named adds the Unicode form of every domain that has another one, since a name that
// looks like a different one does so in one of its forms only.
func named(refusal *push.Refusal) *push.Refusal {
	both := *refusal
	both.Violations = slices.Clone(refusal.Violations)
	for i, violation := range both.Violations {
		if violation.Input != "" {
			continue
		}
		if unicode := domainname.Name(violation.Domain).Unicode(); unicode != violation.Domain {
			both.Violations[i].DomainUnicode = unicode
		}
	}
	return &both
}
