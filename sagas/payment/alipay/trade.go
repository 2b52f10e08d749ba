package alipay

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment"
)

const tradeNotExist = "ACQ.TRADE_NOT_EXIST"

// Query implements payment.Provider.
func (p *Provider) Query(ctx context.Context, tradeNo string) (payment.Trade, error) {
	var answer sdk.TradeQueryRsp
	err := p.call(ctx, sdk.TradeQuery{OutTradeNo: tradeNo, QueryOptions: []string{"fund_bill_list"}}, &answer, &answer.Error)
	switch {
	case refusedWith(err, tradeNotExist):
		return payment.Trade{}, fmt.Errorf("%w: %s", payment.ErrTradeNotFound, tradeNo)
	case err != nil:
		return payment.Trade{}, err
	}
	if err := same("trade", answer.OutTradeNo, tradeNo); err != nil {
		return payment.Trade{}, err
	}
	trade := payment.Trade{TradeNo: tradeNo, ProviderTradeNo: answer.TradeNo}
	for _, bill := range answer.FundBillList {
		if bill != nil {
			trade.Channels = append(trade.Channels, bill.FundChannel)
		}
	}
	return p.standing(trade, answer.TradeStatus, answer.TotalAmount, answer.SendPayDate)
}

// standing adds what Alipay says of a trade's state, and of its money once it is paid.
func (p *Provider) standing(trade payment.Trade, status sdk.TradeStatus, amount, paidAt string) (payment.Trade, error) {
	switch status {
	case sdk.TradeStatusWaitBuyerPay:
		trade.State = payment.TradeWaiting
	case sdk.TradeStatusClosed:
		trade.State = payment.TradeClosed
	case sdk.TradeStatusSuccess, sdk.TradeStatusFinished:
		trade.State = payment.TradePaid
	default:
		return payment.Trade{}, fmt.Errorf("alipay: trade %s is in unknown state %.40q", trade.TradeNo, status)
	}
	if trade.State != payment.TradePaid {
		return trade, nil
	}
	var err error
	if trade.Amount, err = positive(amount); err != nil {
		return payment.Trade{}, err
	}
	if trade.PaidAt, err = p.time(paidAt); err != nil {
		return payment.Trade{}, err
	}
	return trade, nil
}

// Close implements payment.Provider. Alipay closes a trade only once and only before it
// is paid, so what it refuses to close is asked about.
func (p *Provider) Close(ctx context.Context, tradeNo string) error {
	var answer sdk.TradeCloseRsp
	err := p.call(ctx, sdk.TradeClose{OutTradeNo: tradeNo}, &answer, &answer.Error)
	var refused *payment.Refused
	switch {
	case err == nil:
		return same("trade", answer.OutTradeNo, tradeNo)
	case refusedWith(err, tradeNotExist):
		return fmt.Errorf("%w: %s", payment.ErrTradeNotFound, tradeNo)
	case !errors.As(err, &refused):
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
