package platform

import (
	"context"
	"sync"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// faultMode is how a call goes wrong.
type faultMode string

const (
	modeRefuse         faultMode = "refuse"           // refused for good
	modeError          faultMode = "error"            // an answer that is none of the contract
	modeTimeout        faultMode = "timeout"          // nothing done, no answer
	modeDoneButTimeout faultMode = "done_but_timeout" // done, no answer
	modePending        faultMode = "pending"          // taken on, not done yet
	modeUnsupported    faultMode = "unsupported"      // the registrar holds no domains
)

// What a fault holds for.
const (
	opFacts   = "facts"
	opMove    = "move"
	opHold    = "hold" // and release
	opAccount = "account"
)

const maxTimes = 1_000_000

// errFault is the answer that a fault makes of a call.
var errFault = refuse("injected_fault", "the sandbox was told to fail")

type target struct {
	of string // the canonical name of a domain, or for opAccount an account
	op string
}

type fault struct {
	mode faultMode
	left int // calls that it still holds for
}

// faults holds for each target at most one fault. The zero value holds none.
type faults struct {
	mu    sync.Mutex
	armed map[target]fault
}

// arm replaces the target's fault; times 0 takes it away.
func (f *faults) arm(at target, mode faultMode, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.armed == nil {
		f.armed = make(map[target]fault)
	}
	f.armed[at] = fault{mode: mode, left: times}
	if times == 0 {
		delete(f.armed, at)
	}
}

// take uses the target's fault up by one call, if it has one and matches accepts it.
func (f *faults) take(at target, matches func(faultMode) bool) faultMode {
	f.mu.Lock()
	defer f.mu.Unlock()
	held, is := f.armed[at]
	if !is || !matches(held.mode) {
		return ""
	}
	if held.left--; held.left == 0 {
		delete(f.armed, at)
	} else {
		f.armed[at] = held
	}
	return held.mode
}

func anyMode(faultMode) bool { return true }

func (f *faults) onMove(name domainname.Name) faultMode {
	return f.take(target{string(name), opMove}, anyMode)
}

func (f *faults) onHold(name domainname.Name) faultMode {
	return f.take(target{string(name), opHold}, anyMode)
}

// onPending is for asking after a pending move: that makes it done, unless it is to
// stay pending for longer.
func (f *faults) onPending(name domainname.Name) faultMode {
	return f.take(target{string(name), opMove}, func(mode faultMode) bool { return mode == modePending })
}

// onFacts uses up the fault of every domain asked for. It returns errNoAnswer if one of
// them is a timeout, and otherwise errFault if there was any.
func (f *faults) onFacts(names []domainname.Name) error {
	var outcome error
	for _, name := range names {
		switch f.take(target{string(name), opFacts}, anyMode) {
		case "":
		case modeTimeout, modeDoneButTimeout:
			outcome = errNoAnswer
		default:
			if outcome == nil {
				outcome = errFault
			}
		}
	}
	return outcome
}

// setFault answers sandbox.registrar.fault.
func (p *Platform) setFault(_ context.Context, body []byte) (any, error) {
	var wanted struct {
		Domain string    `json:"domain"`
		Op     string    `json:"op"`
		Mode   faultMode `json:"mode"`
		Times  *int      `json:"times"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	name, err := parseDomain(wanted.Domain)
	if err != nil {
		return nil, err
	}
	times := 1
	if wanted.Times != nil {
		times = *wanted.Times
	}
	if !faultExists(wanted.Op, wanted.Mode) || times < 0 || times > maxTimes {
		return nil, refuse("invalid_fault", "op %.40q, mode %.40q, %d times", wanted.Op, wanted.Mode, times)
	}
	p.faults.arm(target{string(p.domains.canonical(name)), wanted.Op}, wanted.Mode, times)
	return done{OK: true, Domain: name}, nil
}

func faultExists(op string, mode faultMode) bool {
	switch mode {
	case modeRefuse, modeError, modeTimeout, modeDoneButTimeout:
		return op == opFacts || op == opMove || op == opHold
	case modePending:
		return op == opMove || op == opHold
	case modeUnsupported:
		return op == opHold
	default:
		return false
	}
}

// onAccount is what a fault makes of a question about an account.
func (f *faults) onAccount(account string) error {
	switch f.take(target{account, opAccount}, anyMode) {
	case "":
		return nil
	case modeTimeout:
		return errNoAnswer
	default:
		return errFault
	}
}

// setAccountFault answers sandbox.accounts.fault.
func (p *Platform) setAccountFault(_ context.Context, body []byte) (any, error) {
	var wanted struct {
		Account string    `json:"account"`
		Mode    faultMode `json:"mode"`
		Times   *int      `json:"times"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	if err := checkAccount(wanted.Account); err != nil {
		return nil, err
	}
	times := 1
	if wanted.Times != nil {
		times = *wanted.Times
	}
	if wanted.Mode != modeError && wanted.Mode != modeTimeout || times < 0 || times > maxTimes {
		return nil, refuse("invalid_fault", "mode %.40q, %d times", wanted.Mode, times)
	}
	p.faults.arm(target{wanted.Account, opAccount}, wanted.Mode, times)
	return done{OK: true, Account: wanted.Account}, nil
}
