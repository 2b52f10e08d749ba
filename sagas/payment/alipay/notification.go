package alipay

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"unicode/utf8"

	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment"
)

const maxFields = 100 // of a notification

// numbers is what both sides' numbers of a trade are made of. They become parts of events
// and of questions to Alipay.
var numbers = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func number(field, value string) error {
	if !numbers.MatchString(value) {
		return fmt.Errorf("%s %.80q is no number of a trade", field, value)
	}
	return nil
}

// Notification implements payment.Provider. It makes no call.
func (p *Provider) Notification(form url.Values) (payment.Trade, error) {
	trade, err := p.notified(form)
	if err != nil {
		return payment.Trade{}, fmt.Errorf("%w: %w", payment.ErrForged, err)
	}
	return trade, nil
}

func (p *Provider) notified(form url.Values) (payment.Trade, error) {
	if err := signedPlainly(form); err != nil {
		return payment.Trade{}, err
	}
	said, err := p.client.DecodeNotification(form)
	if err != nil {
		return payment.Trade{}, fmt.Errorf("signature: %w", err)
	}
	return p.told(said, form)
}

// told reads what a signed notification tells. The library leaves some of it in the form.
func (p *Provider) told(said *alipay.Notification, form url.Values) (payment.Trade, error) {
	if err := errors.Join(same("application", said.AppId, p.config.AppID), same("seller", said.SellerId, p.config.SellerID)); err != nil {
		return payment.Trade{}, err
	}
	if err := errors.Join(number("out_trade_no", said.OutTradeNo), number("trade_no", said.TradeNo)); err != nil {
		return payment.Trade{}, err
	}
	pushID, err := url.QueryUnescape(said.PassbackParams)
	if err != nil {
		return payment.Trade{}, fmt.Errorf("passback_params: %w", err)
	}
	channels, err := notifiedChannels(said.FundBillList, form.Get("credit_pay_mode"))
	if err != nil {
		return payment.Trade{}, err
	}
	return p.standing(payment.Trade{
		TradeNo: said.OutTradeNo, ProviderTradeNo: said.TradeNo, PushID: pushID, Channels: channels,
		Payer: payer(said.BuyerId, form.Get("buyer_open_id"), said.BuyerLogonId),
	}, said.TradeStatus, form.Get("additional_status"), paidMoney{said.TotalAmount, said.ReceiptAmount, said.BuyerPayAmount, said.GmtPayment})
}

// signedPlainly refuses forms whose signed text could be read in two ways, and those
// that ask for another key or method than the one agreed on.
func signedPlainly(form url.Values) error {
	if len(form) > maxFields {
		return errors.New("too many fields")
	}
	for name, values := range form {
		if len(values) != 1 {
			return fmt.Errorf("field %.40q is given %d times", name, len(values))
		}
		if !utf8.ValidString(values[0]) {
			return fmt.Errorf("field %.40q is not UTF-8", name)
		}
	}
	switch {
	case form.Get("sign_type") != "RSA2":
		return fmt.Errorf("signature type %.20q", form.Get("sign_type"))
	case form.Has("alipay_cert_sn"):
		return errors.New("signed with a certificate, which was not agreed on")
	default:
		return nil
	}
}
