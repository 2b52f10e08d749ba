// Package registrar is the port to the registrar and the account directory, whose
// word on domains and accounts the ledger takes. Package natsregistrar speaks their
// NATS contract.
package registrar

import (
	"context"
	"errors"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// MoveState is how a move between accounts stands.
type MoveState string

// The states of a move.
const (
	MoveDone    MoveState = "done"
	MovePending MoveState = "pending"
	MoveRefused MoveState = "refused" // for good
	MoveUnknown MoveState = "unknown" // the registrar never saw this operation
)

// CodeRevisionChanged is the refusal code of a move whose ExpectRevision no longer
// holds: the domain changed since its facts were read, so they are read again.
const CodeRevisionChanged = "revision_changed"

// Move asks for a domain to go from one account to another.
type Move struct {
	// OperationID always means the same move, however often it is sent: the first order
	// decides it for ever, and another order under the same number is refused.
	OperationID    string
	Domain         domainname.Name
	From, To       string
	ExpectRevision uint64 // 0: any
	// Registrant is the template of the account To with which the domain is registered from
	// then on; empty leaves that to the registrar.
	Registrant string
	// VoidAuthCode makes a transfer password void that was obtained before (rule B5).
	VoidAuthCode bool
	// Undoes is the operation of the move that this one takes back, if it takes one back: the
	// registrant from before that move is registered again.
	Undoes string
}

// MoveResult is the registrar's word on a move.
type MoveResult struct {
	State    MoveState
	Code     string // why it was refused
	Revision uint64 // of the domain afterwards
}

// HoldState is how a hold stands.
type HoldState string

// The states of a hold.
const (
	HoldDone        HoldState = "done"
	HoldPending     HoldState = "pending"
	HoldRefused     HoldState = "refused"     // for good
	HoldUnsupported HoldState = "unsupported" // the registrar holds no domains, or not this one
)

// Hold asks for a domain to be held, or to be held no longer (rule B4): a held domain moves
// by the ledger's orders only, and whoever has it can neither obtain its transfer password
// nor transfer it out nor change its registrant.
type Hold struct {
	// OperationID names one hold of one domain for ever. Once it has been released, or was
	// released before it was placed, it is never placed again: an order that arrives late
	// changes nothing.
	OperationID string
	Domain      domainname.Name
	Held        bool // false releases it
}

// HoldResult is the registrar's word on a hold.
type HoldResult struct {
	State HoldState
	Code  string // why it was refused
}

// Kinds of registrar events.
const (
	KindDeleted            = "deleted"
	KindTransferredOut     = "transferred_out"
	KindTransferOutStarted = "transfer_out_started"
	KindAccountMoved       = "account_moved"
	KindRegistrantChanged  = "registrant_changed"
	KindBlacklisted        = "blacklisted"
	KindAccountMoveLocked  = "account_move_locked"
	KindAuthCodeIssued     = "auth_code_issued"
	KindPolicyViolation    = "policy_violation"
	KindRestricted         = "restricted" // arbitration, dispute
	KindExpired            = "expired"
	KindOnSale             = "on_sale" // in another trade of the platform
)

// Event is something that happened to a domain at the registrar.
type Event struct {
	ID     string
	Kind   string
	Domain domainname.Name
	At     time.Time
	// OperationID names the move that caused the event, a change of registrant included,
	// when the registrar says so in its detail.
	OperationID string
	From, To    string // accounts of an account_moved event, when the detail names them
}

// Registrar answers for domains. An error means that the outcome is unknown.
type Registrar interface {
	// Facts returns one entry for every domain asked for, in the same order.
	Facts(ctx context.Context, domains []domainname.Name) ([]push.DomainFacts, error)
	// Move orders a move and tells how it stands.
	Move(ctx context.Context, move Move) (MoveResult, error)
	// Hold places or releases a hold and tells how it stands.
	Hold(ctx context.Context, hold Hold) (HoldResult, error)
	// Operation tells how a move stands that may have been ordered.
	Operation(ctx context.Context, operationID string) (MoveResult, error)
}

// Directory answers for accounts.
type Directory interface {
	// Account returns what is known of an account; Exists is false for a stranger.
	Account(ctx context.Context, account string) (push.AccountFacts, error)
}

// ErrUnavailable means that the registrar or the directory did not answer, or not
// in the form of its contract.
var ErrUnavailable = errors.New("registrar: no usable answer")
