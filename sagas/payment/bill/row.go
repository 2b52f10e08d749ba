package bill

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

// Columns that are read, as plainly spells them.
const (
	columnTrade      = "支付宝交易号"
	columnNumber     = "商户订单号"
	columnBusiness   = "业务类型"
	columnDone       = "完成时间"
	columnOrder      = "订单金额(元)"
	columnRequest    = "退款批次号/请求号"
	columnReceived   = "商家实收(元)" // bills that lack it are of orders alone
	columnProviderNo = "业务流水号"
	columnAt         = "发生时间"
	columnIncome     = "收入金额(+元)"
	columnExpense    = "支出金额(-元)"
)

// Columns that each bill must have.
var (
	tradeColumns   = []string{columnTrade, columnNumber, columnBusiness, columnDone, columnOrder, columnRequest}
	accountColumns = []string{columnProviderNo, columnNumber, columnAt, columnIncome, columnExpense, columnBusiness}
)

// header finds out which bill it is.
func (p *parser) header(row []string) error {
	columns := make(map[string]int, len(row))
	for i, name := range row {
		columns[plainly(name)] = i
	}
	for _, wanted := range [][]string{tradeColumns, accountColumns} {
		lacks := slices.ContainsFunc(wanted, func(name string) bool {
			_, is := columns[name]
			return !is
		})
		if !lacks {
			p.columns, p.width, p.bill.Payouts = columns, len(row), wanted[0] == columnProviderNo
			return nil
		}
	}
	return ErrNoBill
}

func (p *parser) at(row []string, column string) string { return row[p.columns[column]] }

// tradeRow reads a row of 业务明细. Refunds have amounts below 0.
func (p *parser) tradeRow(row []string, line int) error {
	movement := Movement{Number: p.at(row, columnNumber), ProviderNo: p.at(row, columnTrade), Business: p.at(row, columnBusiness), Line: line}
	switch movement.Business {
	case "交易":
		movement.Kind = Payment
	case "退款":
		movement.Kind, movement.RequestNo = Refund, p.at(row, columnRequest)
	default:
		return fmt.Errorf("business %.40q is not known", movement.Business)
	}
	order, err := amount(p.at(row, columnOrder))
	if err != nil || order == 0 {
		return fmt.Errorf("amount %.40q", p.at(row, columnOrder))
	}
	movement.Amount, movement.Order = order, order
	if column, is := p.columns[columnReceived]; is {
		reached, err := amount(row[column])
		if err != nil {
			return fmt.Errorf("received %.40q", row[column])
		}
		if reached > 0 { // 0.00 where it is not told
			movement.Amount = min(order, reached)
		}
	}
	return p.add(movement, p.at(row, columnDone))
}

// fees are the businesses of 账务明细 by which Alipay charges the merchant, and others are
// the rest of those that are never the ledger's: the merchant moves money of its own.
var (
	fees   = []string{"收费", "退费"}
	others = []string{"提现", "充值"}
)

// accountRow reads a row of 账务明细.
func (p *parser) accountRow(row []string, line int) error {
	movement := Movement{
		Number: p.at(row, columnNumber), ProviderNo: p.at(row, columnProviderNo), Business: p.at(row, columnBusiness), Line: line,
	}
	income, err := amount(p.at(row, columnIncome))
	expense, err2 := amount(p.at(row, columnExpense))
	if err = errors.Join(err, err2); err != nil || (income == 0) == (expense == 0) {
		return fmt.Errorf("amounts %.40q and %.40q", p.at(row, columnIncome), p.at(row, columnExpense))
	}
	movement.Kind, movement.Amount = Income, income
	if expense > 0 {
		movement.Kind, movement.Amount = Expense, expense
	}
	switch {
	case slices.Contains(fees, movement.Business):
		return p.charge(movement, p.at(row, columnAt))
	case slices.Contains(others, movement.Business):
		return nil
	default:
		return p.add(movement, p.at(row, columnAt))
	}
}

// charge adds what Alipay has charged or given back to its day.
func (p *parser) charge(movement Movement, at string) error {
	moment, err := time.ParseInLocation(time.DateTime, at, Zone)
	if err != nil {
		return fmt.Errorf("time %.40q", at)
	}
	day := moment.Format(time.DateOnly)
	charged := p.bill.Fees[day]
	if movement.Kind == Expense {
		charged.Charged, err = money.Sum(charged.Charged, movement.Amount)
	} else {
		charged.Back, err = money.Sum(charged.Back, movement.Amount)
	}
	p.bill.Fees[day] = charged
	return err
}

func (p *parser) add(movement Movement, at string) error {
	var err error
	if movement.At, err = time.ParseInLocation(time.DateTime, at, Zone); err != nil {
		return fmt.Errorf("time %.40q", at)
	}
	if movement.Number == "" && movement.ProviderNo == "" {
		return errors.New("a row without a number")
	}
	p.bill.Movements = append(p.bill.Movements, movement)
	return nil
}

// amount reads an amount without its sign; an empty one is 0.
func amount(text string) (money.Fen, error) {
	if text = strings.TrimLeft(text, "+-"); text == "" {
		return 0, nil
	}
	return money.Parse(text)
}
