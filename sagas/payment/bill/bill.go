// Package bill reads the bills that Alipay offers for download and holds the ledger's
// journal against them.
//
// Two bills are read, told apart by their columns: 业务明细 (bill type trade), which lists
// payments and refunds, and 账务明细 (bill type signcustomer), which lists every movement
// of the merchant's account and so the payouts as well. Both are CSV in GBK or UTF-8 with
// lines of comment that begin with #. Rows are checked strictly: what cannot be read is an
// error that names its line, never a row left out.
package bill

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // bills are in Alipay's time, on machines without a database of zones too
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	maxSize    = 256 << 20 // bytes of a bill
	timeLayout = "2006-01-02 15:04:05"
	dayLayout  = "2006年01月02日 15:04:05"
)

// Kind is what a movement of money is to the merchant.
type Kind string

// The kinds of a movement.
const (
	Payment Kind = "payment"
	Refund  Kind = "refund"
	Payout  Kind = "payout"
)

// Movement is one row of a bill.
type Movement struct {
	Kind Kind
	// Number is ours: of the trade for a payment and a refund, of the payout for a payout.
	Number string
	// RequestNo is that of a refund, if the bill names it.
	RequestNo  string
	ProviderNo string
	Amount     money.Fen // above 0
	At         time.Time
	Line       int // in the file, from 1
}

// Bill is what a file says.
type Bill struct {
	From, To  time.Time // what it covers, To not included; zero if it does not say
	Payouts   bool      // it lists payouts
	Movements []Movement
}

// ErrNoBill means that a file is none of Alipay's bills.
var ErrNoBill = errors.New("bill: neither 业务明细 nor 账务明细 of Alipay")

// Parse reads a bill of at most 256 MiB.
func Parse(source io.Reader) (Bill, error) {
	text, err := decode(source)
	if err != nil {
		return Bill{}, err
	}
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return Bill{}, fmt.Errorf("bill: %w", err)
	}
	reading := &parser{zone: zone}
	if err := reading.comments(text); err != nil {
		return Bill{}, err
	}
	rows := csv.NewReader(bytes.NewReader(text))
	rows.Comment, rows.FieldsPerRecord, rows.LazyQuotes = '#', -1, true
	for {
		row, err := rows.Read()
		switch {
		case errors.Is(err, io.EOF) && reading.columns == nil:
			return Bill{}, ErrNoBill
		case errors.Is(err, io.EOF):
			return reading.bill, nil
		case err != nil:
			return Bill{}, fmt.Errorf("bill: %w", err)
		}
		line, _ := rows.FieldPos(0)
		if err := reading.row(row, line); err != nil {
			return Bill{}, fmt.Errorf("bill: line %d: %w", line, err)
		}
	}
}

// decode returns the text as UTF-8. What is valid UTF-8 is taken for that.
func decode(source io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(source, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("bill: %w", err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("bill: longer than %d bytes; download it day by day", maxSize)
	}
	if utf8.Valid(text) {
		return bytes.TrimPrefix(text, []byte("\ufeff")), nil
	}
	text, err = simplifiedchinese.GB18030.NewDecoder().Bytes(text) // it includes GBK
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, fmt.Errorf("%w: it is neither UTF-8 nor GBK", ErrNoBill)
	}
	return text, nil
}

// parser reads row by row.
type parser struct {
	zone    *time.Location
	columns map[string]int // nil until the row with their names has come
	width   int            // of that row
	bill    Bill
}

var period = regexp.MustCompile(`(?m)^#起始日期：\[([^\]]*)\]\s*终止日期：\[([^\]]*)\]`)

// comments reads the period from the lines above the table.
func (p *parser) comments(text []byte) error {
	found := period.FindSubmatch(text)
	if found == nil {
		return nil
	}
	var err error
	if p.bill.From, err = time.ParseInLocation(dayLayout, string(found[1]), p.zone); err == nil {
		p.bill.To, err = time.ParseInLocation(dayLayout, string(found[2]), p.zone)
	}
	if err != nil || !p.bill.From.Before(p.bill.To) {
		return fmt.Errorf("bill: period %.40q to %.40q", found[1], found[2])
	}
	return nil
}

func (p *parser) row(row []string, line int) error {
	for i := range row {
		row[i] = strings.TrimSpace(row[i]) // Alipay ends fields with a tab
	}
	if p.columns == nil {
		return p.header(row)
	}
	if len(row) != p.width {
		return fmt.Errorf("%d fields instead of %d", len(row), p.width)
	}
	read := p.tradeRow
	if p.bill.Payouts {
		read = p.accountRow
	}
	movement, ours, err := read(row)
	if err != nil || !ours {
		return err
	}
	movement.Line = line
	p.bill.Movements = append(p.bill.Movements, movement)
	return nil
}

// Columns that are read.
var (
	tradeColumns   = []string{"支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额（元）", "退款批次号/请求号"}
	accountColumns = []string{"业务流水号", "商户订单号", "发生时间", "收入金额（+元）", "支出金额（-元）", "业务类型"}
)

// header finds out which bill it is.
func (p *parser) header(row []string) error {
	columns := make(map[string]int, len(row))
	for i, name := range row {
		columns[name] = i
	}
	for _, wanted := range [][]string{tradeColumns, accountColumns} {
		found := 0
		for _, name := range wanted {
			if _, is := columns[name]; is {
				found++
			}
		}
		if found == len(wanted) {
			p.columns, p.width, p.bill.Payouts = columns, len(row), wanted[0] == accountColumns[0]
			return nil
		}
	}
	return ErrNoBill
}

func (p *parser) at(row []string, column string) string { return row[p.columns[column]] }

// received is the column of what has reached the merchant. The order may be over more: what
// the merchant itself has given. Bills that lack the column are of orders alone.
const received = "商家实收（元）"

// tradeRow reads a row of 业务明细. Refunds have amounts below 0.
func (p *parser) tradeRow(row []string) (Movement, bool, error) {
	movement := Movement{Number: p.at(row, "商户订单号"), ProviderNo: p.at(row, "支付宝交易号")}
	amount := p.at(row, "订单金额（元）")
	switch kind := p.at(row, "业务类型"); kind {
	case "交易":
		movement.Kind = Payment
	case "退款":
		movement.Kind, movement.RequestNo = Refund, p.at(row, "退款批次号/请求号")
		amount = strings.TrimPrefix(amount, "-")
	default:
		return movement, false, fmt.Errorf("business %.40q is not known", kind)
	}
	movement, ours, err := p.finish(movement, amount, p.at(row, "完成时间"))
	if column, is := p.columns[received]; is && err == nil {
		reached, err := money.Parse(strings.TrimPrefix(row[column], "-"))
		if err != nil {
			return movement, false, fmt.Errorf("received %.40q", row[column])
		}
		if reached > 0 { // 0.00 where it is not told
			movement.Amount = min(movement.Amount, reached)
		}
	}
	return movement, ours, err
}

// accountKinds are the businesses of 账务明细 that move the ledger's money, as opposed to
// the merchant's own: its fees, withdrawals and deposits.
var accountKinds = map[string]Kind{"在线支付": Payment, "交易退款": Refund, "转账": Payout}

// accountRow reads a row of 账务明细.
func (p *parser) accountRow(row []string) (Movement, bool, error) {
	kind, ours := accountKinds[p.at(row, "业务类型")]
	if !ours {
		return Movement{}, false, nil
	}
	movement := Movement{Kind: kind, Number: p.at(row, "商户订单号"), ProviderNo: p.at(row, "业务流水号")}
	amount := p.at(row, "收入金额（+元）")
	if kind != Payment {
		amount = strings.TrimPrefix(p.at(row, "支出金额（-元）"), "-")
	}
	if kind == Payout && amount == "" {
		return movement, false, nil // money that somebody sent to the merchant
	}
	return p.finish(movement, amount, p.at(row, "发生时间"))
}

func (p *parser) finish(movement Movement, amount, at string) (Movement, bool, error) {
	var err error
	if movement.Amount, err = money.Parse(strings.TrimPrefix(amount, "+")); err != nil || movement.Amount < 1 {
		return movement, false, fmt.Errorf("amount %.40q", amount)
	}
	if movement.At, err = time.ParseInLocation(timeLayout, at, p.zone); err != nil {
		return movement, false, fmt.Errorf("time %.40q", at)
	}
	if movement.Number == "" && movement.ProviderNo == "" {
		return movement, false, errors.New("a row without a number")
	}
	return movement, true, nil
}
