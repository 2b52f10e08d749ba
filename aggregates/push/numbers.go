package push

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// Every call to a partner carries a number that follows from the push and the step,
// so the same call made again after a crash is the same call to the partner.
// Numbers are letters and digits, 33 characters long: short and plain enough for
// every field of Alipay's that holds one (64 characters, no hyphen).

// TradeNo is the number of the trade by which the push is paid.
func TradeNo(pushID string) string { return number("T", pushID) }

// RefundNo is the request number under which a trade of the push is refunded.
func RefundNo(pushID, tradeNo string) string { return number("R", pushID, tradeNo) }

// PayoutNo is the number of the payout to the seller.
func PayoutNo(pushID string) string { return number("P", pushID) }

// FeeNo is the number under which the fee of a purchase is taken out of what a confirmed
// trade has given the seller. Alipay takes 32 characters there.
func FeeNo(pushID string) string { return number("F", pushID)[:32] }

// PayoutNoAfter is the number of the payout that comes after one that has failed: P…, P…_2,
// P…_3 and so on.
func PayoutNoAfter(payoutNo string) string {
	first, count, found := strings.Cut(payoutNo, "_")
	if !found {
		return first + "_2"
	}
	tries, err := strconv.ParseUint(count, 10, 31)
	if err != nil { // of another log than ours
		tries = 1
	}
	return first + "_" + strconv.FormatUint(tries+1, 10)
}

// PayeeDigest tells accounts at the provider apart to which a payout was to go, without saying
// whose they are: the SHA-256, in hexadecimal digits, of the number, the login and the name, with
// a zero byte between them. It is of one payout only, so nobody sees by it that two sellers
// have the same account.
func PayeeDigest(payoutNo, login, name string) string {
	sum := sha256.Sum256([]byte(payoutNo + "\x00" + login + "\x00" + name))
	return hex.EncodeToString(sum[:])
}

// MoveNo is the operation id of a domain's move to the buyer.
func MoveNo(pushID string, domain domainname.Name) string { return number("M", pushID, string(domain)) }

// HoldNo is the operation id of a domain's hold while the push is delivered (rule B4).
func HoldNo(pushID string, domain domainname.Name) string { return number("H", pushID, string(domain)) }

// ReturnNo is the operation id of a domain's move back to the seller. A registrar never
// thinks again of an operation it has refused, so each retry, counted from 1, is another
// one; that none of them can move the domain twice follows from whose it is. 0 is the
// first try. (Money has no such safety: its numbers never change.)
func ReturnNo(pushID string, domain domainname.Name, retry int) string {
	if retry == 0 {
		return number("B", pushID, string(domain))
	}
	return number("B", pushID, string(domain), strconv.Itoa(retry))
}

// number hashes parts into a token; parts hold no newline.
func number(letter string, parts ...string) string {
	sum := sha256.Sum256([]byte(letter + "\n" + strings.Join(parts, "\n")))
	return letter + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20]))
}
