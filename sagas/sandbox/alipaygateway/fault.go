package alipaygateway

import (
	"context"
	"sync"
)

// What a fault holds for: the calls that move or tell of money first hand. The queries
// of refunds and payouts have none.
const (
	apiCreate = "create"
	apiQuery  = "query"
	apiClose  = "close"
	apiRefund = "refund"
	apiPayout = "payout"
)

// faultMode is how a call goes wrong.
type faultMode string

const (
	modeError          faultMode = "error"            // nothing done, HTTP 500
	modeTimeout        faultMode = "timeout"          // nothing done, no answer
	modeDoneButTimeout faultMode = "done_but_timeout" // done, no answer
	modeBusinessError  faultMode = "business_error"   // nothing done, a signed no
)

const maxTimes = 1_000_000

// businessErrors are the signed no of each API. All but the query's are final.
var businessErrors = map[string]error{
	apiCreate: failed(acqInvalid, "参数无效"),
	apiQuery:  failed("ACQ.SYSTEM_ERROR", "系统错误"),
	apiClose:  errNoTrade,
	apiRefund: failed("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
	apiPayout: failed("PAYEE_NOT_EXIST", "收款账号不存在"),
}

type fault struct {
	mode faultMode
	left int // calls that it still holds for
}

// faults holds for each API at most one fault. The zero value holds none.
type faults struct {
	mu    sync.Mutex
	armed map[string]fault
}

// arm replaces the API's fault; times 0 takes it away.
func (f *faults) arm(api string, mode faultMode, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.armed == nil {
		f.armed = make(map[string]fault)
	}
	f.armed[api] = fault{mode: mode, left: times}
	if times == 0 {
		delete(f.armed, api)
	}
}

// take uses the API's fault up by one call, if it has one.
func (f *faults) take(api string) faultMode {
	f.mu.Lock()
	defer f.mu.Unlock()
	held, is := f.armed[api]
	if !is {
		return ""
	}
	if held.left--; held.left == 0 {
		delete(f.armed, api)
	} else {
		f.armed[api] = held
	}
	return held.mode
}

// holds reports whether the next call of the API will go wrong.
func (f *faults) holds(api string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, is := f.armed[api]
	return is
}

// setFault answers sandbox.alipay.fault.
func (g *Gateway) setFault(_ context.Context, body []byte) (any, error) {
	var wanted struct {
		API   string    `json:"api"`
		Mode  faultMode `json:"mode"`
		Times *int      `json:"times"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	times := 1
	if wanted.Times != nil {
		times = *wanted.Times
	}
	_, known := businessErrors[wanted.API]
	switch wanted.Mode {
	case modeError, modeTimeout, modeDoneButTimeout, modeBusinessError:
	default:
		known = false
	}
	if !known || times < 0 || times > maxTimes {
		return nil, refuse("invalid_fault", "api %.40q, mode %.40q, %d times", wanted.API, wanted.Mode, times)
	}
	g.faults.arm(wanted.API, wanted.Mode, times)
	return done{OK: true}, nil
}
