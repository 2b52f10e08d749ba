package alipay

import (
	"context"
	"errors"
	"fmt"

	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

type tradeAnswer struct {
	status
	TradeNo     string             `json:"trade_no"`
	OutTradeNo  string             `json:"out_trade_no"`
	TradeStatus alipay.TradeStatus `json:"trade_status"`
	Additional  string             `json:"additional_status"`
	TotalAmount string             `json:"total_amount"`
	Receipt     string             `json:"receipt_amount"`
	BuyerPay    string             `json:"buyer_pay_amount"`
	SendPayDate string             `json:"send_pay_date"`
	FundBills   []fundBill         `json:"fund_bill_list"`
	CreditMode  string             `json:"credit_pay_mode"` // set if the buyer pays later
	BuyerUserID string             `json:"buyer_user_id"`
	BuyerOpenID string             `json:"buyer_open_id"`
	BuyerLogon  string             `json:"buyer_logon_id"`
}

// paidMoney is what Alipay says of the money of a trade that is paid.
type paidMoney struct {
	total, received, byBuyer, paidAt string
}

// options are what an answer to a query holds only where it is asked for.
var options = []string{"fund_bill_list"}

// Query implements payment.Provider.
func (p *Provider) Query(ctx context.Context, tradeNo string) (payment.Trade, error) {
	question := alipay.TradeQuery{OutTradeNo: tradeNo, QueryOptions: options}
	var said tradeAnswer
	err := p.ask(ctx, question, &said)
	switch {
	case means(err, missing):
		return payment.Trade{}, fmt.Errorf("%w: %s", payment.ErrTradeNotFound, tradeNo)
	case err != nil:
		return payment.Trade{}, err
	}
	trade, err := p.trade(tradeNo, said)
	if err != nil {
		return payment.Trade{}, unknown(question.APIName(), err)
	}
	return trade, nil
}

// trade reads a signed answer about a trade.
func (p *Provider) trade(tradeNo string, said tradeAnswer) (payment.Trade, error) {
	names, err := channels(said.FundBills, said.CreditMode)
	if err := errors.Join(err, same("trade", said.OutTradeNo, tradeNo)); err != nil {
		return payment.Trade{}, err
	}
	trade := payment.Trade{
		TradeNo: tradeNo, ProviderTradeNo: clip(said.TradeNo, maxNumber), Channels: names,
		Payer: payer(said.BuyerUserID, said.BuyerOpenID, said.BuyerLogon),
	}
	return p.standing(trade, said.TradeStatus, said.Additional, paidMoney{said.TotalAmount, said.Receipt, said.BuyerPay, said.SendPayDate})
}

// payer is who paid, as Alipay gives it: the user id or the open id, whichever the
// application is set up for, and the login with most of it masked.
func payer(userID, openID, login string) push.Payer {
	return push.Payer{UserID: clip(userID, maxNumber), OpenID: clip(openID, maxPayer), LoginMasked: clip(login, maxPayer)}
}

// standing adds what Alipay says of a trade's state, and of its money once it is paid.
// TRADE_FINISHED is paid as well, but can be refunded no more, which the refusal of a
// refund says. An additional status is SELLER_NOT_RECEIVED: the buyer has paid and the
// merchant has nothing. That is not paid yet; no other is known, and none is trusted.
func (p *Provider) standing(trade payment.Trade, state alipay.TradeStatus, additional string, said paidMoney) (payment.Trade, error) {
	switch state {
	case alipay.TradeStatusWaitBuyerPay:
		trade.State = payment.TradeWaiting
		return trade, nil
	case alipay.TradeStatusClosed:
		trade.State = payment.TradeClosed
		return trade, nil
	case alipay.TradeStatusSuccess, alipay.TradeStatusFinished:
		trade.State = payment.TradePaid
	default:
		return payment.Trade{}, fmt.Errorf("trade %s is in unknown state %.40q", trade.TradeNo, state)
	}
	if additional != "" {
		trade.State = payment.TradeWaiting
		return trade, nil
	}
	var errs [4]error
	trade.Amount, errs[0] = positive(said.total)
	trade.Received, errs[1] = tellable(said.received)
	trade.BuyerPaid, errs[2] = tellable(said.byBuyer)
	trade.PaidAt, errs[3] = p.at(said.paidAt)
	if err := errors.Join(errs[:]...); err != nil {
		return payment.Trade{}, err
	}
	if trade.PaidAt.IsZero() {
		return payment.Trade{}, fmt.Errorf("trade %s is paid, but not said when", trade.TradeNo)
	}
	return trade, nil
}

// Close implements payment.Provider. Alipay closes a trade only once and only before it
// is paid, so what it refuses to close is asked about.
func (p *Provider) Close(ctx context.Context, tradeNo string) error {
	question := alipay.TradeClose{OutTradeNo: tradeNo}
	var said tradeAnswer
	err := p.ask(ctx, question, &said)
	var refusal *payment.Refused
	switch {
	case err == nil:
		if err := same("trade", said.OutTradeNo, tradeNo); err != nil {
			return unknown(question.APIName(), err)
		}
		return nil
	case means(err, missing):
		return fmt.Errorf("%w: %s", payment.ErrTradeNotFound, tradeNo)
	case !errors.As(err, &refusal):
		return err
	}
	trade, queryErr := p.Query(ctx, tradeNo)
	switch {
	case queryErr != nil:
		return queryErr
	case trade.State == payment.TradeClosed:
		return nil
	case trade.State == payment.TradePaid:
		return fmt.Errorf("%w: %s", payment.ErrTradePaid, tradeNo)
	default:
		return err
	}
}

// same keeps a signed answer to another question from being taken for ours.
func same(what, got, want string) error {
	if got != want {
		return fmt.Errorf("it is about %s %.80q instead of %q", what, got, want)
	}
	return nil
}

func positive(text string) (money.Fen, error) {
	amount, err := money.Parse(text)
	if err == nil && amount == 0 {
		err = errors.New("alipay: an amount of zero")
	}
	return amount, err
}

// tellable is an amount that Alipay tells only where the contract says so: left out and 0.00
// are the same.
func tellable(text string) (money.Fen, error) {
	if text == "" {
		return 0, nil
	}
	return money.Parse(text)
}
