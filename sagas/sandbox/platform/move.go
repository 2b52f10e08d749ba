package platform

import (
	"context"
	"errors"

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
}

func (o order) check() (domainname.Name, error) {
	name, err := parseDomain(o.Domain)
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
	mode := p.faults.onMove(name)
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

// perform executes an order, unless its operation is decided already.
func (p *Platform) perform(ctx context.Context, name domainname.Name, ordered order, mode faultMode) (moveAnswer, error) {
	if !p.domains.claim(ordered.OperationID, name) {
		return refused(codeOperationReused, 0), nil
	}
	d := p.domains.open(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	wanted := operation{ID: ordered.OperationID, From: ordered.From, To: ordered.To}
	known, is := d.record.find(wanted.ID)
	switch revision := d.record.Facts.Revision; {
	case is && (known.From != wanted.From || known.To != wanted.To):
		return refused(codeOperationReused, revision), nil
	case !is && ordered.ExpectRevision != 0 && ordered.ExpectRevision != revision:
		// Nothing has begun: the same operation may be ordered again with the facts read anew.
		return refused(registrar.CodeRevisionChanged, revision), nil
	}
	if is {
		wanted = known
	}
	return p.settle(ctx, d, wanted, mode)
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
	name := owner.(domainname.Name)
	d := p.domains.open(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	known, is := d.record.find(asked.OperationID)
	if !is {
		return moveAnswer{State: registrar.MoveUnknown}, nil
	}
	mode := faultMode("")
	if known.State == registrar.MovePending {
		mode = p.faults.onPending(name)
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
		facts := next.Facts
		facts.Account = wanted.To
		next = next.changed(facts)
	}
	wanted.Revision = next.Facts.Revision
	if wanted.State == registrar.MovePending && before == registrar.MovePending {
		return wanted.answer(), nil
	}
	if err := p.save(ctx, d, next.with(wanted)); err != nil {
		return moveAnswer{}, err
	}
	if wanted.State == registrar.MoveDone {
		p.echo(ctx, next.Facts.Domain, wanted)
	}
	return wanted.answer(), nil
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
