package alipay

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/pushledger/pushledger/sagas/payment"
)

// Codes that every answer of the gateway carries.
const (
	codeSuccess  = "10000"
	codeBusiness = "40004" // the only one by which Alipay says no to what was asked
)

// Sub-codes that are handled, the platform's own and those of one API.
const (
	subTradeMissing   = "ACQ.TRADE_NOT_EXIST"
	subTradeStatus    = "ACQ.TRADE_STATUS_ERROR"
	subTradeReason    = "ACQ.REASON_TRADE_STATUS_INVALID"
	subTradeClosed    = "ACQ.TRADE_HAS_CLOSE"
	subPayoutMissing  = "ORDER_NOT_EXIST"
	maxRefusalText    = 500 // characters of a refusal that are kept
	maxRefusalCode    = 100
	prefixAcquiring   = "ACQ."
	prefixPlatform    = "aop."
	prefixServiceSide = "isp."
)

// undecided are the business failures, without prefix, after which Alipay wants the
// same thing to be asked again: they do not say that it was not done.
var undecided = map[string]bool{
	"SYSTEM_ERROR": true, "UNKNOWN_ERROR": true, "UNKNOW_ERROR": true, "REQUEST_PROCESSING": true,
	"TRANS_ORDER_DEALING": true, "SERVICE_CURRENTLY_UNAVAILABLE": true, "CALL_LIMITED": true,
	"ORDER_UNKNOW_STATUS": true, "TRADE_UNKNOW_STATUS": true,
}

// answer is what the gateway can say.
type answer interface{ outcome() status }

// status is the part that every answer has.
type status struct {
	Code    string `json:"code"`
	Message string `json:"msg"`
	SubCode string `json:"sub_code"`
	SubText string `json:"sub_msg"`
}

func (s status) outcome() status { return s }

// check returns nil for success, *payment.Refused for a final no, and otherwise an
// error that leaves the outcome open.
func (s status) check(api string) error {
	switch {
	case s.Code == codeSuccess:
		return nil
	case s.Code == codeBusiness && s.SubCode != "" && !s.isUndecided():
		return refused(api, s.SubCode, s.SubText)
	default:
		return unknown(api, fmt.Errorf("answered %.20q %.100q, %.100q %.200q", s.Code, s.Message, s.SubCode, s.SubText))
	}
}

func (s status) isUndecided() bool {
	return undecided[strings.TrimPrefix(s.SubCode, prefixAcquiring)] ||
		strings.HasPrefix(s.SubCode, prefixPlatform) || strings.HasPrefix(s.SubCode, prefixServiceSide)
}

// refused is Alipay's own no, in its own words up to a length (rule T5).
func refused(api, code, text string) *payment.Refused {
	return &payment.Refused{API: api, Code: clip(code, maxRefusalCode), Message: clip(text, maxRefusalText)}
}

// isRefusal reports whether err is a refusal with one of the codes.
func isRefusal(err error, codes ...string) bool {
	var refusal *payment.Refused
	if !errors.As(err, &refusal) {
		return false
	}
	for _, code := range codes {
		if refusal.Code == code {
			return true
		}
	}
	return false
}

// unknown wraps why nothing is known of an outcome.
func unknown(api string, cause error) error {
	var failed *url.Error
	if errors.As(cause, &failed) {
		cause = failed.Err // without the address, which holds the whole signed order
	}
	return fmt.Errorf("alipay: %s: outcome unknown: %w", api, cause)
}

// open words an error as a cause that decides nothing, even if it is a refusal.
func open(refusal error) error { return errors.New("outcome unknown: " + refusal.Error()) }

// clip cuts a text after a number of characters.
func clip(text string, most int) string {
	for i := range text {
		if most == 0 {
			return text[:i]
		}
		most--
	}
	return text
}
