package alipay

import (
	"errors"
	"slices"
	"strings"

	"github.com/pushledger/pushledger/sagas/payment"
)

// meaning is what a signed code of Alipay's says of what was asked for.
type meaning string

// What a code can mean.
const (
	final         meaning = "final no"
	missing       meaning = "there is none" // of what was asked about
	already       meaning = "it has been"   // done, by an earlier call or by the buyer
	conflict      meaning = "taken"         // the number stands for something else: its fate is asked for
	askAgain      meaning = "ask again"     // it may have been done, or not yet
	postponed     meaning = "later"         // not now, but by the same call later
	misconfigured meaning = "misconfigured" // by nobody until a person changes something
)

// The documents in which a code was read, as far as public copies of them go.
const (
	ofCommon   = "公共错误码"
	ofCerts    = "isv.missing-app-cert-sn as seen in answers"
	ofTransfer = "alipay.fund.trans.uni.transfer, 业务错误码"
	ofFate     = "alipay.fund.trans.common.query, 业务错误码"
	ofRefund   = "alipay.trade.refund, 业务错误码"
	ofTrade    = "alipay.trade.query, close and page.pay, 业务错误码"
	ofOlder    = "alipay.fund.trans.toaccount.transfer, 业务错误码"
	ofNobody   = "not known; seen in programs of others"
)

// Alipay's general codes that are handled by name.
const (
	codeSuccess  = "10000"
	codeBusiness = "40004" // the only one by which Alipay says no to what was asked
)

// codeRow is what one code means. An empty field stands for any value, but of sub where
// Alipay has given none; a sub that ends in * for all that begin so.
type codeRow struct {
	code, sub string
	api       string // the method; empty: any
	source    string
	meaning   meaning
}

// codes is all that is known of Alipay's codes. The first row that fits counts, so what is
// special stands before what is general. docs/alipay.md has the same table.
var codes = []codeRow{
	// What the gateway itself says, before any business.
	{"20000", "*", "", ofCommon, askAgain},
	{"20001", "*", "", ofCommon, misconfigured},
	{"40001", "*", "", ofCommon, misconfigured},
	{"40002", "isv.missing-app-cert-sn", "", ofCerts, misconfigured},
	{"40002", "*", "", ofCommon, misconfigured},
	{"40003", "*", "", ofCommon, misconfigured},
	{"40005", "*", "", ofCommon, askAgain},
	{"40006", "*", "", ofCommon, misconfigured},

	// Of any business, with or without a prefix.
	{"40004", "aop.*", "", ofCommon, askAgain},
	{"40004", "isp.*", "", ofCommon, askAgain},
	{"40004", "SYSTEM_ERROR", "", ofTransfer, askAgain},
	{"40004", "ACQ.SYSTEM_ERROR", "", ofRefund, askAgain},
	{"40004", "UNKNOWN_ERROR", "", ofNobody, askAgain},
	{"40004", "UNKNOW_ERROR", "", ofNobody, askAgain},
	{"40004", "REQUEST_PROCESSING", "", ofTransfer, askAgain},
	{"40004", "ACQ.REQUEST_PROCESSING", "", ofNobody, askAgain},
	{"40004", "TRANS_ORDER_DEALING", "", ofNobody, askAgain},
	{"40004", "SERVICE_CURRENTLY_UNAVAILABLE", "", ofNobody, askAgain},
	{"40004", "CALL_LIMITED", "", ofNobody, askAgain},
	{"40004", "ORDER_UNKNOW_STATUS", "", ofNobody, askAgain},
	{"40004", "TRADE_UNKNOW_STATUS", "", ofNobody, askAgain},
	{"40004", "ACQ.UNKNOWN_ERROR", "", ofNobody, askAgain},
	{"40004", "ACQ.SERVICE_CURRENTLY_UNAVAILABLE", "", ofNobody, askAgain},
	{"40004", "ACQ.CALL_LIMITED", "", ofNobody, askAgain},

	// Trades.
	{"40004", "ACQ.TRADE_NOT_EXIST", "", ofTrade, missing},
	{"40004", "ACQ.TRADE_HAS_SUCCESS", "", ofTrade, already},
	{"40004", "ACQ.TRADE_HAS_CLOSE", "", ofTrade, final},
	{"40004", "ACQ.TRADE_STATUS_ERROR", "", ofTrade, final},
	{"40004", "ACQ.REASON_TRADE_STATUS_INVALID", "", ofTrade, final},
	{"40004", "ACQ.INVALID_PARAMETER", "", ofTrade, final},
	{"40004", "ACQ.ACCESS_FORBIDDEN", "", ofTrade, misconfigured},
	{"40004", "ACQ.PARTNER_ERROR", "", ofTrade, misconfigured},

	// Refunds.
	{"40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "", ofRefund, postponed},
	{"40004", "ACQ.REFUND_CHARGE_ERROR", "", ofRefund, postponed},
	{"40004", "ACQ.REFUND_ACCOUNT_NOT_EXIST", "", ofRefund, misconfigured},
	{"40004", "ACQ.DISCORDANT_REPEAT_REQUEST", "", ofRefund, conflict},
	{"40004", "ACQ.TRADE_HAS_FINISHED", "", ofRefund, final},
	{"40004", "ACQ.TRADE_NOT_ALLOW_REFUND", "", ofRefund, final},
	{"40004", "ACQ.REASON_TRADE_BEEN_FREEZEN", "", ofRefund, final},
	{"40004", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "", ofRefund, final},
	{"40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR", "", ofRefund, final},
	{"40004", "ACQ.BUYER_NOT_EXIST", "", ofRefund, final},
	{"40004", "ACQ.BUYER_ERROR", "", ofRefund, final},
	{"40004", "ACQ.BUYER_ENABLE_STATUS_FORBID", "", ofRefund, final},
	{"40004", "ACQ.CUSTOMER_VALIDATE_ERROR", "", ofRefund, final},

	// Payouts: their number.
	{"40004", "ORDER_NOT_EXIST", apiTransferQuery, ofFate, missing},
	{"40004", "PAYMENT_INFO_INCONSISTENCY", "", ofTransfer, conflict},

	// Payouts: not now.
	{"40004", "PAYER_BALANCE_NOT_ENOUGH", "", ofTransfer, postponed},
	{"40004", "BALANCE_IS_NOT_ENOUGH", "", ofTransfer, postponed},
	{"40004", "PAYMENT_MONEY_NOT_ENOUGH", "", ofTransfer, postponed},
	{"40004", "EXCEED_LIMIT_DM_AMOUNT", "", ofTransfer, postponed},
	{"40004", "EXCEED_LIMIT_DM_MAX_AMOUNT", "", ofTransfer, postponed},
	{"40004", "EXCEED_LIMIT_MM_AMOUNT", "", ofTransfer, postponed},
	{"40004", "EXCEED_LIMIT_MM_MAX_AMOUNT", "", ofTransfer, postponed},
	{"40004", "EXCEED_LIMIT_DC_RECEIVED", "", ofTransfer, postponed},
	{"40004", "PERM_PAY_CUSTOMER_DAILY_QUOTA_ORG_BALANCE_LIMIT", "", ofTransfer, postponed},
	{"40004", "PERM_PAY_CUSTOMER_MONTH_QUOTA_ORG_BALANCE_LIMIT", "", ofTransfer, postponed},
	{"40004", "PERM_PAY_USER_DAILY_QUOTA_ORG_BALANCE_LIMIT", "", ofTransfer, postponed},
	{"40004", "PERM_PAY_USER_MONTH_QUOTA_ORG_BALANCE_LIMIT", "", ofTransfer, postponed},
	{"40004", "INST_PAY_UNABLE", "", ofTransfer, postponed},
	{"40004", "RESOURCE_LIMIT_EXCEED", "", ofTransfer, postponed},

	// Payouts: the merchant's account or contract.
	{"40004", "PRODUCT_NOT_SIGN", "", ofTransfer, misconfigured},
	{"40004", "MRCHPROD_QUERY_ERROR", "", ofTransfer, misconfigured},
	{"40004", "TRANSFER_SCENE_NAME_BLANK", "", ofTransfer, misconfigured},
	{"40004", "NO_PERMISSION_ACCOUNT", "", ofTransfer, misconfigured},
	{"40004", "NO_ACCOUNT_PAYMENT_PERMISSION", "", ofTransfer, misconfigured},
	{"40004", "INVALID_PAYER_ACCOUNT", "", ofTransfer, misconfigured},
	{"40004", "PAYER_NOT_EXIST", "", ofTransfer, misconfigured},
	{"40004", "PAYER_STATUS_ERROR", "", ofTransfer, misconfigured},
	{"40004", "PAYER_USER_INFO_ERROR", "", ofTransfer, misconfigured},
	{"40004", "PAYER_CERTIFY_CHECK_FAIL", "", ofTransfer, misconfigured},
	{"40004", "PAYER_PERMLIMIT_CHECK_FAILURE", "", ofTransfer, misconfigured},
	{"40004", "PAYCARD_UNABLE_PAYMENT", "", ofTransfer, misconfigured},
	{"40004", "PERMIT_CHECK_PERM_LIMITED", "", ofTransfer, misconfigured},
	{"40004", "PERMIT_CHECK_PERM_IDENTITY_THEFT", "", ofTransfer, misconfigured},
	{"40004", "PERMIT_PAYER_FORBIDDEN", "", ofTransfer, misconfigured},
	{"40004", "PERMIT_PAYER_LOWEST_FORBIDDEN", "", ofOlder, misconfigured},
	{"40004", "PAYER_DATA_INCOMPLETE", "", ofOlder, misconfigured},
	{"40004", "PAYER_CERT_EXPIRED", "", ofOlder, misconfigured},
	{"40004", "CERT_MISS_TRANS_LIMIT", "", ofOlder, misconfigured},
	{"40004", "CERT_MISS_ACC_LIMIT", "", ofOlder, misconfigured},

	// Payouts: the payee, or this payout.
	{"40004", "PAYEE_NOT_EXIST", "", ofTransfer, final},
	{"40004", "PAYEE_ACCOUNT_NOT_EXSIT", "", ofTransfer, final},
	{"40004", "PAYEE_USER_INFO_ERROR", "", ofOlder, final},
	{"40004", "PAYEE_CERT_INFO_ERROR", "", ofTransfer, final},
	{"40004", "PAYEE_ACC_OCUPIED", "", ofTransfer, final},
	{"40004", "PAYEE_ACCOUNT_STATUS_ERROR", "", ofTransfer, final},
	{"40004", "PAYEE_USERINFO_STATUS_ERROR", "", ofTransfer, final},
	{"40004", "PAYEE_NOT_RELNAME_CERTIFY", "", ofTransfer, final},
	{"40004", "PERM_AML_NOT_REALNAME_REV", "", ofTransfer, final},
	{"40004", "PERMIT_NON_BANK_LIMIT_PAYEE", "", ofTransfer, final},
	{"40004", "NO_ACCOUNT_RECEIVE_PERMISSION", "", ofTransfer, final},
	{"40004", "PAYER_PAYEE_CANNOT_SAME", "", ofTransfer, final},
	{"40004", "EXCEED_LIMIT_UNRN_DM_AMOUNT", "", ofTransfer, final},
	{"40004", "EXCEED_LIMIT_SM_AMOUNT", "", ofTransfer, final},
	{"40004", "EXCEED_LIMIT_PERSONAL_SM_AMOUNT", "", ofTransfer, final},
	{"40004", "EXCEED_LIMIT_ENT_SM_AMOUNT", "", ofOlder, final},
	{"40004", "EXCEED_LIMIT_SM_MIN_AMOUNT", "", ofTransfer, final},
	{"40004", "REMARK_HAS_SENSITIVE_WORD", "", ofTransfer, final},
	{"40004", "MEMO_REQUIRED_IN_TRANSFER_ERROR", "", ofTransfer, final},
	{"40004", "SECURITY_CHECK_FAILED", "", ofTransfer, final},
	{"40004", "PAYMENT_TIME_EXPIRE", "", ofTransfer, final},
	{"40004", "INVALID_PARAMETER", "", ofTransfer, final},

	// Whatever else a business says is its no, if it says why.
	{"40004", "", "", ofCommon, askAgain},
	{"40004", "*", "", ofCommon, final},
}

// fits reports whether a row is about an answer.
func (r codeRow) fits(api, code, sub string) bool {
	if r.code != code || r.api != "" && r.api != api {
		return false
	}
	start, open := strings.CutSuffix(r.sub, "*")
	return open && strings.HasPrefix(sub, start) || r.sub == sub
}

// meaningOf is what a signed answer means. A code that nobody here knows decides nothing.
func meaningOf(api, code, sub string) meaning {
	at := slices.IndexFunc(codes, func(row codeRow) bool { return row.fits(api, code, sub) })
	if at < 0 {
		return askAgain
	}
	return codes[at].meaning
}

// means reports whether err is a no of that meaning.
func means(err error, wanted meaning) bool {
	refusal := refusalOf(err)
	return refusal != nil && meaningOf(refusal.API, codeBusiness, refusal.Code) == wanted
}

// refusalOf is the refusal in err, nil if there is none.
func refusalOf(err error) *payment.Refused {
	refusal, _ := errors.AsType[*payment.Refused](err)
	return refusal
}
