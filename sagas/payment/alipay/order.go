package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	apiPagePay  = "alipay.trade.page.pay"
	pageProduct = "FAST_INSTANT_TRADE_PAY"
	maxSubject  = 256 // characters
	// virtualGoods is a goods_type. Alipay's SDK says of it that 花呗 cannot pay for them
	// (AlipayTradePagePayModel); a domain is nothing that is shipped.
	virtualGoods = "0"
	// disabledChannels are what rule T6 does not take, by the names of Alipay's list of
	// channels that an order can forbid: what lends, what somebody else may lend, and what the
	// merchant itself would pay for. Older descriptions of the field allow 128 characters, so
	// creditCardCartoon is left to credit_group, which that list says contains it. There is no
	// name for a card that is both debit and credit: that shows only when it has paid.
	disabledChannels = "credit_group,pcredit,pcreditpayInstallment,creditCard,creditCardExpress,honeyPay," +
		"mcard,mdiscount,promotion,voucher"
)

// plainText takes out what Alipay does not accept in a subject.
var plainText = strings.NewReplacer("/", " ", "=", " ", "&", " ", "\n", " ", "\r", " ")

// PayURL implements payment.Provider.
func (p *Provider) PayURL(order payment.Order) (string, error) {
	fields, err := p.signed(alipay.TradePagePay{Trade: alipay.Trade{
		NotifyURL: p.config.NotifyURL, ReturnURL: p.config.ReturnURL,
		OutTradeNo: order.TradeNo, TotalAmount: order.Amount.String(), ProductCode: pageProduct,
		Subject: clip(plainText.Replace(order.Subject), maxSubject), SellerId: p.config.SellerID,
		DisablePayChannels: disabledChannels, GoodsType: virtualGoods, TimeExpire: order.PayBy.In(p.clock).Format(clockFormat),
		PassbackParams: url.QueryEscape(order.PushID),
	}})
	if err != nil {
		return "", fmt.Errorf("alipay: sign order %s: %w", order.TradeNo, err)
	}
	return p.config.Gateway + "?" + fields.Encode(), nil
}

// Open implements payment.Provider. Alipay accepts an order by sending the browser on
// to its payment page. A trade that has been paid is one that Alipay knows. The signed
// order is presented to the gateway of today, wherever it was when the order was made.
func (p *Provider) Open(ctx context.Context, payURL string) error {
	_, order, found := strings.Cut(payURL, "?")
	if !found {
		return errors.New("alipay: open: the address holds no order")
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.Gateway+"?"+order, http.NoBody)
	if err != nil {
		return unknown(apiPagePay, err)
	}
	response, err := p.http.Do(request)
	if err != nil {
		return unknown(apiPagePay, err)
	}
	body, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return unknown(apiPagePay, err)
	case response.StatusCode == http.StatusFound:
		return nil
	case response.StatusCode != http.StatusOK:
		return unknown(apiPagePay, fmt.Errorf("HTTP status %d", response.StatusCode))
	}
	said, err := p.readSigned(body)
	if err != nil {
		return unknown(apiPagePay, err)
	}
	if err := said.check(apiPagePay); !means(err, already) {
		return err
	}
	return nil
}

// readSigned reads the answer to an order that was not accepted.
func (p *Provider) readSigned(body []byte) (status, error) {
	node, err := p.keys.current().signedNode(body, apiPagePay, p.keys.now())
	if err != nil {
		return status{}, err
	}
	var said status
	if err := json.Unmarshal(node, &said); err != nil {
		return status{}, err
	}
	if said.Code == codeSuccess {
		return status{}, errors.New("accepted, but no payment page named")
	}
	return said, nil
}
