package platform

import (
	"context"
	"errors"
	"slices"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

const codeHoldEnded = "hold_ended" // a hold that was released is never placed again

// hold is a hold of a domain (rule B4) that was ordered. It is pending as long as it is
// neither held nor ended nor refused.
type hold struct {
	ID    string `json:"operation_id"`
	Held  bool   `json:"held,omitzero"`
	Ended bool   `json:"ended,omitzero"` // its release was ordered, whether it is held yet or still
	Code  string `json:"code,omitzero"`  // why it was refused for good
}

// holdAnswer answers registrar.v1.hold.
type holdAnswer struct {
	State registrar.HoldState `json:"state"`
	Code  string              `json:"code,omitzero"`
}

func holdRefused(code string) holdAnswer {
	return holdAnswer{State: registrar.HoldRefused, Code: code}
}

// place brings a hold as far as it goes.
func (h hold) place(exists bool, mode faultMode) (hold, holdAnswer) {
	switch {
	case h.Ended:
		return h, holdRefused(codeHoldEnded)
	case h.Held:
		return h, holdAnswer{State: registrar.HoldDone}
	case h.Code != "":
		return h, holdRefused(h.Code)
	case mode == modePending:
		return h, holdAnswer{State: registrar.HoldPending}
	case mode == modeRefuse:
		h.Code = codeRefusedByRegistry
		return h, holdRefused(h.Code)
	case !exists:
		h.Code = codeNotFound
		return h, holdRefused(h.Code)
	default:
		h.Held = true
		return h, holdAnswer{State: registrar.HoldDone}
	}
}

// release ends a hold, whether it was ever placed or not, and whatever has become of the
// domain. A release that a fault refuses changes nothing and may be ordered again: a
// domain must not stay held for ever.
func (h hold) release(mode faultMode) (hold, holdAnswer) {
	if mode == modeRefuse && (h.Held || !h.Ended) {
		return h, holdRefused(codeRefusedByRegistry)
	}
	h.Ended = true
	if mode == modePending && h.Held {
		return h, holdAnswer{State: registrar.HoldPending}
	}
	h.Held = false
	return h, holdAnswer{State: registrar.HoldDone}
}

// held reports whether anything holds the domain.
func (r record) held() bool {
	return slices.ContainsFunc(r.Holds, func(known hold) bool { return known.Held })
}

func (r record) findHold(id string) (hold, bool) {
	at := slices.IndexFunc(r.Holds, func(known hold) bool { return known.ID == id })
	if at < 0 {
		return hold{ID: id}, false
	}
	return r.Holds[at], true
}

// withHold returns a copy of the record in which the hold stands as given. The oldest that
// holds nothing is forgotten for it if there are too many.
func (r record) withHold(changed hold) (record, error) {
	others := slices.DeleteFunc(slices.Clone(r.Holds), func(known hold) bool { return known.ID == changed.ID })
	if len(others) >= keptOperations {
		at := slices.IndexFunc(others, func(known hold) bool { return !known.Held })
		if at < 0 {
			return r, refuse("too_many_holds", "a domain has at most %d holds", keptOperations)
		}
		others = slices.Delete(others, at, at+1)
	}
	r.Holds = append(others, changed)
	return r, nil
}

// holdOrder is a request to hold a domain, or to hold it no longer.
type holdOrder struct {
	OperationID string `json:"operation_id"`
	Domain      string `json:"domain"`
	Hold        *bool  `json:"hold"`
}

func (o holdOrder) check() (domainname.Name, error) {
	name, err := parseDomain(o.Domain)
	if o.Hold == nil {
		err = errors.Join(err, refuse("invalid_hold", "it is not said whether to hold"))
	}
	return name, errors.Join(err, checkID(o.OperationID))
}

// hold answers registrar.v1.hold.
func (p *Platform) hold(ctx context.Context, body []byte) (any, error) {
	var ordered holdOrder
	if err := readContract(body, &ordered); err != nil {
		return nil, err
	}
	name, err := ordered.check()
	if err != nil {
		return nil, err
	}
	mode := p.faults.onHold(p.domains.canonical(name))
	switch mode {
	case modeError:
		return nil, errFault
	case modeTimeout:
		return nil, errNoAnswer
	case modeUnsupported:
		return holdAnswer{State: registrar.HoldUnsupported}, nil
	}
	answer, err := p.settleHold(ctx, name, ordered, mode)
	if err == nil && mode == modeDoneButTimeout {
		return nil, errNoAnswer
	}
	return answer, err
}

// settleHold places or releases a hold and remembers how it stands. The facts stay as they
// are, and so does the revision.
func (p *Platform) settleHold(ctx context.Context, name domainname.Name, ordered holdOrder, mode faultMode) (holdAnswer, error) {
	d := p.domains.lock(name)
	defer d.mu.Unlock()
	if _, isMove := d.record.find(ordered.OperationID); isMove || !p.domains.claim(ordered.OperationID, d) {
		return holdRefused(codeOperationReused), nil
	}
	before, known := d.record.findHold(ordered.OperationID)
	after, answer := before.release(mode)
	if *ordered.Hold {
		after, answer = before.place(d.record.Facts.Exists, mode)
	}
	if known && after == before {
		return answer, nil
	}
	next, err := d.record.withHold(after)
	if err != nil {
		return holdAnswer{}, err
	}
	return answer, p.save(ctx, d, next)
}
