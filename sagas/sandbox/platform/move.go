package platform

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Codes of a refused move, beside registrar.CodeRevisionChanged.
const (
	codeNotFound          = "not_found"
	codeNotOwner          = "not_owner"
	codeLocked            = "account_move_locked"
	codePendingOperation  = "pending_operation"
	codeAccountUnknown    = "account_unknown"
	codeRefusedByRegistry = "refused_by_registry" // by a fault
	codeOperationReused   = "operation_id_reused" // the id means another move
)

// order is a request to move a domain.
type order struct {
	OperationID    string `json:"operation_id"`
	Domain         string `json:"domain"`
	From           string `json:"from"`
	To             string `json:"to"`
	ExpectRevision uint64 `json:"expect_revision"`
	Registrant     string `json:"registrant"`
	VoidAuthCode   bool   `json:"void_auth_code"`
	Undoes         string `json:"undoes"`
}

func (o order) check() (domainname.Name, error) {
	name, err := parseDomain(o.Domain)
	if o.Registrant != "" {
		err = errors.Join(err, checkRegistrant(o.Registrant))
	}
	return name, errors.Join(err, checkID(o.OperationID), checkAccount(o.From), checkAccount(o.To))
}

// moveAnswer answers registrar.v1.move and registrar.v1.operation.
type moveAnswer struct {
	State    registrar.MoveState `json:"state"`
	Code     string              `json:"code"`
	Revision uint64              `json:"revision"`
}

func refused(code string, revision uint64) moveAnswer {
	return moveAnswer{State: registrar.MoveRefused, Code: code, Revision: revision}
}

// move answers registrar.v1.move.
func (p *Platform) move(ctx context.Context, body []byte) (any, error) {
	var ordered order
	if err := readContract(body, &ordered); err != nil {
		return nil, err
	}
	name, err := ordered.check()
	if err != nil {
		return nil, err
	}
	mode := p.faults.onMove(p.domains.canonical(name))
	switch mode {
	case modeError:
		return nil, errFault
	case modeTimeout:
		return nil, errNoAnswer
	}
	answer, err := p.perform(ctx, name, ordered, mode)
	if err == nil && mode == modeDoneButTimeout {
		return nil, errNoAnswer
	}
	return answer, err
}

// perform executes an order, unless its operation is decided already. Orders are the
// ledger's own, so a held domain moves by them. What else the first order asked for, such
// as to void the transfer password, is what is done.
func (p *Platform) perform(ctx context.Context, name domainname.Name, ordered order, mode faultMode) (moveAnswer, error) {
	d := p.domains.lock(name)
	defer d.mu.Unlock()
	if _, isHold := d.record.findHold(ordered.OperationID); isHold || !p.domains.claim(ordered.OperationID, d) {
		return refused(codeOperationReused, 0), nil
	}
	wanted := ordered.operation()
	if name != d.name {
		wanted.Variant = name
	}
	known, is := d.record.find(wanted.ID)
	switch revision := d.record.Facts.Revision; {
	case is && (known.From != wanted.From || known.To != wanted.To || known.Registrant != wanted.Registrant):
		return refused(codeOperationReused, revision), nil
	case !is && ordered.ExpectRevision != 0 && ordered.ExpectRevision != revision:
		// Nothing has begun: the same operation may be ordered again with the facts read anew.
		return refused(registrar.CodeRevisionChanged, revision), nil
	}
	if is {
		wanted = known
	} else if undone, is := d.record.find(ordered.Undoes); is && undone.State == registrar.MoveDone {
		wanted.Restores = undone.RegistrantBefore
	}
	return p.settle(ctx, d, wanted, mode)
}

func (o order) operation() operation {
	return operation{ID: o.OperationID, From: o.From, To: o.To, Registrant: o.Registrant, VoidAuthCode: o.VoidAuthCode}
}

// operation answers registrar.v1.operation.
func (p *Platform) operation(ctx context.Context, body []byte) (any, error) {
	var asked struct {
		OperationID string `json:"operation_id"`
	}
	if err := readContract(body, &asked); err != nil {
		return nil, err
	}
	if err := checkID(asked.OperationID); err != nil {
		return nil, err
	}
	owner, is := p.domains.operations.Load(asked.OperationID)
	if !is {
		return moveAnswer{State: registrar.MoveUnknown}, nil
	}
	d := p.domains.lock(owner.(domainname.Name))
	defer d.mu.Unlock()
	known, is := d.record.find(asked.OperationID)
	if !is {
		return moveAnswer{State: registrar.MoveUnknown}, nil
	}
	mode := faultMode("")
	if known.State == registrar.MovePending {
		mode = p.faults.onPending(d.name)
	}
	return p.settle(ctx, d, known, mode)
}

// settle brings an operation as far as it goes, remembers how it stands and publishes
// a move that was done. The caller holds the lock of d.
func (p *Platform) settle(ctx context.Context, d *domain, wanted operation, mode faultMode) (moveAnswer, error) {
	if wanted.State == registrar.MoveDone || wanted.State == registrar.MoveRefused {
		return wanted.answer(), nil
	}
	before := wanted.State
	next := d.record
	wanted.State, wanted.Code = p.decide(next.Facts, wanted, mode)
	if wanted.State == registrar.MoveDone {
		wanted.RegistrantBefore = next.Facts.RegistrantHint
		next = next.changed(wanted.moved(next.Facts))
	}
	wanted.Revision = next.Facts.Revision
	if wanted.State == registrar.MovePending && before == registrar.MovePending {
		return wanted.answer(), nil
	}
	if err := p.save(ctx, d, next.with(wanted)); err != nil {
		return moveAnswer{}, err
	}
	if wanted.State == registrar.MoveDone {
		p.echo(ctx, cmp.Or(wanted.Variant, d.name), wanted)
	}
	return wanted.answer(), nil
}

// moved are the facts of a domain after the move.
func (o operation) moved(facts push.DomainFacts) push.DomainFacts {
	facts.Account = o.To
	facts.RegistrantHint = cmp.Or(o.Registrant, o.Restores, facts.RegistrantHint)
	if o.VoidAuthCode {
		facts.AuthCodeIssuedAt = time.Time{}
	}
	return facts
}

func (p *Platform) decide(facts push.DomainFacts, wanted operation, mode faultMode) (registrar.MoveState, string) {
	switch mode {
	case modeRefuse:
		return registrar.MoveRefused, codeRefusedByRegistry
	case modePending:
		return registrar.MovePending, ""
	}
	if code := obstacle(facts, wanted.From); code != "" {
		return registrar.MoveRefused, code
	}
	if !p.directory.get(wanted.To).Exists {
		return registrar.MoveRefused, codeAccountUnknown
	}
	return registrar.MoveDone, ""
}

// obstacle is why a domain cannot leave the account from; empty if it can.
func obstacle(facts push.DomainFacts, from string) string {
	switch {
	case !facts.Exists:
		return codeNotFound
	case facts.Account != from:
		return codeNotOwner
	case len(facts.Pending) > 0:
		return codePendingOperation
	case !facts.RegistrarOK: // it is at another registrar
		return codeNotFound
	case facts.AccountMoveLocked:
		return codeLocked
	default:
		return ""
	}
}

func (o operation) answer() moveAnswer {
	return moveAnswer{State: o.State, Code: o.Code, Revision: o.Revision}
}
