package alipaygateway

import (
	"context"
	"regexp"
	"sync"
)

// What a fault holds for: the calls that move or tell of money first hand. The queries
// of refunds and payouts have none.
const (
	apiCreate  = "create"
	apiQuery   = "query"
	apiClose   = "close"
	apiRefund  = "refund"
	apiPayout  = "payout" // a transfer, or a confirmation
	apiFee     = "fee"    // what the platform takes of a confirmed trade
	apiBalance = "balance"
)

// faultMode is how a call goes wrong.
type faultMode string

const (
	modeError          faultMode = "error"            // nothing done, HTTP 500
	modeTimeout        faultMode = "timeout"          // nothing done, no answer
	modeDoneButTimeout faultMode = "done_but_timeout" // done, no answer
	modeBusinessError  faultMode = "business_error"   // nothing done, a signed no
	modeGBKError       faultMode = "gbk_error"        // the same in GBK, as parts of Alipay answer
	modeRubbish        faultMode = "rubbish"          // nothing done, HTTP 200 with what is no answer
	modeHalf           faultMode = "half"             // nothing done, half an answer
	modeRedirect       faultMode = "redirect"         // nothing done, sent on to elsewhere
	modeHuge           faultMode = "huge"             // nothing done, an answer without end
)

const maxTimes = 1_000_000

// What a fault may have the gateway say: a general code, and one of its sub-codes.
var (
	generalCode = regexp.MustCompile(`^[0-9]{5}$`)
	subCode     = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// businessErrors are the signed no of each API. All but the query's are final.
var businessErrors = map[string]error{
	apiCreate:  failed(acqInvalid, "参数无效"),
	apiQuery:   failed("ACQ.SYSTEM_ERROR", "系统错误"),
	apiClose:   errNoTrade,
	apiRefund:  failed("ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款"),
	apiPayout:  failed("PAYEE_NOT_EXIST", "收款账号不存在"),
	apiBalance: &status{Code: "40006", Msg: "Insufficient Permissions", SubCode: "isv.insufficient-isv-permissions", SubMsg: "ISV权限不足"},
	apiFee:     failed("ACQ.TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH", "账户余额不足"),
}

// businessError is the signed no to a call.
func businessError(api, method string) error {
	if method == methodConfirm {
		return failed("ACQ.SETTLE_ACCOUNT_NOT_EXIST", "结算账户不存在") // its words are not known
	}
	return businessErrors[api]
}

type fault struct {
	mode faultMode
	said *status // of modeBusinessError: another no than that of the API; nil: that
	left int     // calls that it still holds for
}

// target is what a fault holds for: the calls of an API about one push, or about all.
type target struct{ api, pushID string }

// faults holds for each target at most one fault. The zero value holds none.
type faults struct {
	mu    sync.Mutex
	armed map[target]fault
}

// arm replaces the target's fault; times 0 takes it away.
func (f *faults) arm(at target, armed fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.armed == nil {
		f.armed = make(map[target]fault)
	}
	f.armed[at] = armed
	if armed.left == 0 {
		delete(f.armed, at)
	}
}

// take uses the fault of a call up by one, if it has one.
func (f *faults) take(of target) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, held := f.find(of)
	if held.left == 0 {
		return fault{}
	}
	if held.left--; held.left == 0 {
		delete(f.armed, at)
	} else {
		f.armed[at] = held
	}
	return held
}

// holds reports whether the next such call will go wrong.
func (f *faults) holds(of target) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, held := f.find(of)
	return held.left > 0
}

// find looks for the fault of the push first, then for that of all. The caller holds the
// lock.
func (f *faults) find(of target) (target, fault) {
	if held, is := f.armed[of]; is {
		return of, held
	}
	all := target{api: of.api}
	return all, f.armed[all]
}

// setFault answers sandbox.alipay.fault.
func (g *Gateway) setFault(_ context.Context, body []byte) (any, error) {
	var wanted struct {
		API    string    `json:"api"`
		Mode   faultMode `json:"mode"`
		Times  *int      `json:"times"`
		PushID string    `json:"push_id"`
		// Code and SubCode are what a business_error says instead.
		Code    string `json:"code"`
		SubCode string `json:"sub_code"`
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
	case modeError, modeTimeout, modeDoneButTimeout, modeBusinessError, modeGBKError, modeRubbish, modeHalf, modeRedirect, modeHuge:
	default:
		known = false
	}
	if !known || times < 0 || times > maxTimes {
		return nil, refuse("invalid_fault", "api %.40q, mode %.40q, %d times", wanted.API, wanted.Mode, times)
	}
	if len(wanted.PushID) > maxPushID {
		return nil, refuse("invalid_push_id", "a push id has at most %d bytes", maxPushID)
	}
	armed := fault{mode: wanted.Mode, left: times}
	if wanted.Code != "" || wanted.SubCode != "" {
		if wanted.Mode != modeBusinessError || !generalCode.MatchString(wanted.Code) || !subCode.MatchString(wanted.SubCode) {
			return nil, refuse("invalid_fault", "code %.40q, sub_code %.80q", wanted.Code, wanted.SubCode)
		}
		armed.said = &status{Code: wanted.Code, Msg: "Failed", SubCode: wanted.SubCode, SubMsg: "由沙箱指定的错误"}
	}
	g.faults.arm(target{wanted.API, wanted.PushID}, armed)
	return done{OK: true}, nil
}
