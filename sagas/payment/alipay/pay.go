package alipay

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
)

// disabledChannels are Alipay's names of every way to pay on credit (rule T6).
const disabledChannels = "pcredit,pcreditpayInstallment,creditCard,creditCardExpress,creditCardCartoon,credit_group"

// PayURL implements payment.Provider. The page takes no money after the second in
// which order.PayBy lies has begun.
func (p *Provider) PayURL(order payment.Order) (string, error) {
	if !isNumber(order.TradeNo) || order.PushID == "" || order.Amount < 1 || order.Amount > money.Max || order.PayBy.IsZero() {
		return "", fmt.Errorf("alipay: order %.80q of push %.80q lacks a number, a push, an end, or an amount that Alipay takes",
			order.TradeNo, order.PushID)
	}
	link, err := p.client.TradePagePay(sdk.TradePagePay{Trade: sdk.Trade{
		NotifyURL:          p.notifyURL,
		Subject:            order.Subject,
		OutTradeNo:         order.TradeNo,
		TotalAmount:        order.Amount.String(),
		ProductCode:        "FAST_INSTANT_TRADE_PAY",
		DisablePayChannels: disabledChannels,
		PassbackParams:     url.QueryEscape(order.PushID),
		TimeExpire:         order.PayBy.In(p.zone).Format(timeLayout),
	}})
	if err != nil {
		return "", fmt.Errorf("alipay: payment page: %w", err)
	}
	return link.String(), nil
}

func isNumber(text string) bool { return text != "" && len(text) <= maxNumber }

// Open implements payment.Provider. The page is asked for at the gateway of today, even
// if the address was made when the gateway was elsewhere.
func (p *Provider) Open(ctx context.Context, payURL string) error {
	link, err := url.Parse(payURL)
	if err != nil {
		return fmt.Errorf("alipay: open payment page: %w", err)
	}
	page := *p.gateway
	page.RawQuery = link.RawQuery
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return fmt.Errorf("alipay: open payment page: %w", err)
	}
	answer, err := p.http.Do(request)
	if err != nil {
		return fmt.Errorf("alipay: open payment page: %w", err)
	}
	if err := answer.Body.Close(); err != nil {
		return fmt.Errorf("alipay: open payment page: %w", err)
	}
	if answer.StatusCode != http.StatusFound { // accepted: on to the cashier
		return fmt.Errorf("alipay: open payment page: status %d", answer.StatusCode)
	}
	return nil
}
