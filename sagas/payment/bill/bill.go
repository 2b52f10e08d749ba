// Package bill reads the bills that Alipay offers for download and holds the ledger's
// journal against them.
//
// Two bills are read, told apart by their columns: 业务明细 (bill type trade), which lists
// payments and refunds, and 账务明细 (bill type signcustomer), which lists every movement
// of the merchant's account and so the payouts and Alipay's fees as well. Both are CSV in
// GBK or UTF-8 with lines of comment that begin with #, by themselves or in the zip archive
// in which Alipay hands them out.
//
// What it guarantees: nothing is left out unseen. A row that cannot be read, and a bill
// that does not say which time it covers, is an error; a line of the file is a row, whatever
// quotes are in it; size, number of archived files and length of a line are bounded, and
// the names in an archive are never used.
package bill

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	maxSize = 128 << 20 // bytes of a bill
	maxLine = 64 << 10  // bytes of one line
)

// Kind is what a movement of money is to the merchant.
type Kind string

// The kinds of a movement. A row of 账务明细 is Income or Expense: only the number on it
// says what it is to the ledger, for its business has many names.
const (
	Payment Kind = "payment"
	Refund  Kind = "refund"
	Payout  Kind = "payout"
	Royalty Kind = "royalty" // the platform's fee out of a trade kept for a seller
	Income  Kind = "income"
	Expense Kind = "expense"
	Fee     Kind = "fee"      // what Alipay has charged on a day
	FeeBack Kind = "fee_back" // what it has given back of such charges
)

// Movement is one row of a bill.
type Movement struct {
	Kind     Kind   // Payment or Refund on 业务明细, Income or Expense on 账务明细
	Business string // what the bill calls it
	// Number is ours: of the trade for a payment and a refund, of the payout for a payout.
	Number string
	// RequestNo is that of a refund, if the bill names it.
	RequestNo  string
	ProviderNo string
	Amount     money.Fen // above 0: what came in or went out
	Order      money.Fen // what the order was over, where the bill says so; 0: it does not
	At         time.Time
	Line       int // in the file, from 1
}

// Bill is what a file says.
type Bill struct {
	From, To  time.Time // what it covers, To not included
	Payouts   bool      // it is 账务明细, which lists payouts and fees
	Movements []Movement
	// Fees are what Alipay has charged and given back on each day, "2006-01-02" in its time.
	Fees map[string]Fees
	// Digest is the SHA-256, in hex, over the rows: the same for every download of a bill
	// that has not changed.
	Digest string
}

// Fees are what Alipay has charged the merchant.
type Fees struct{ Charged, Back money.Fen }

// Errors of reading, wrapped with the place.
var (
	// ErrNoBill means that a file is none of Alipay's bills.
	ErrNoBill = errors.New("bill: neither 业务明细 nor 账务明细 of Alipay")
	// ErrNotThere means that Alipay has no bill of a day: it is not made yet, or nothing
	// has moved on that day.
	ErrNotThere = errors.New("bill: Alipay has none of that day: it is made by ten o'clock on the next, and for a day without movements never")
	// ErrNoPeriod means that a bill does not say which time it covers.
	ErrNoPeriod = errors.New("bill: the line with 起始日期 and 终止日期 is missing: download it again, or give the bill as it came")
)

// Zone is Alipay's, in which its days begin and end. China has had no summer time since
// long before there were bills.
var Zone = time.FixedZone("Asia/Shanghai", 8*60*60)

// parse reads the CSV of one bill.
func parse(text []byte) (Bill, error) {
	reading := &parser{rows: sha256.New(), bill: Bill{Fees: make(map[string]Fees)}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		if err := reading.line(lines.Text(), number); err != nil {
			return Bill{}, fmt.Errorf("bill: line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Bill{}, fmt.Errorf("bill: line %d: %w", number+1, err)
	}
	return reading.finish()
}

// parser reads line by line.
type parser struct {
	columns map[string]int // nil until the row with their names has come
	width   int            // of that row
	wholeTo bool           // the period ends with a day that is named without a time
	rows    hash.Hash      // of all rows
	bill    Bill
}

func (p *parser) line(line string, number int) error {
	line = strings.TrimRight(line, "\r")
	switch {
	case strings.HasPrefix(line, "#"):
		return p.period(line)
	case strings.Trim(line, ", \t") == "":
		return nil
	}
	fmt.Fprintln(p.rows, line) // a hash takes everything
	row := fields(line, p.width)
	if p.columns == nil {
		return p.header(row)
	}
	if len(row) != p.width {
		return fmt.Errorf("%d fields instead of %d", len(row), p.width)
	}
	if p.bill.Payouts {
		return p.accountRow(row, number)
	}
	return p.tradeRow(row, number)
}

func (p *parser) finish() (Bill, error) {
	if p.columns == nil {
		return Bill{}, ErrNoBill
	}
	if p.bill.From.IsZero() {
		return Bill{}, ErrNoPeriod
	}
	if p.wholeTo && p.onLastDay() {
		p.bill.To = p.bill.To.AddDate(0, 0, 1)
	}
	if !p.bill.From.Before(p.bill.To) {
		return Bill{}, fmt.Errorf("bill: its period ends at %s, before it begins", p.bill.To.Format(time.DateTime))
	}
	p.bill.Digest = hex.EncodeToString(p.rows.Sum(nil))
	return p.bill, nil
}

// onLastDay finds out whether a period that ends with a day includes that day.
func (p *parser) onLastDay() bool {
	if p.bill.From.Equal(p.bill.To) {
		return true
	}
	for _, movement := range p.bill.Movements {
		if !movement.At.Before(p.bill.To) {
			return true
		}
	}
	return false
}
