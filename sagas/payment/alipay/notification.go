package alipay

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

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
	if err := p.keys.current().verifyNotification(form, p.keys.now()); err != nil {
		return payment.Trade{}, err
	}
	read, err := readableForm(form)
	if err != nil {
		return payment.Trade{}, err
	}
	return p.told(read)
}

// told reads what a signed notification tells.
func (p *Provider) told(form url.Values) (payment.Trade, error) {
	if err := errors.Join(same("application", form.Get("app_id"), p.config.AppID), same("seller", form.Get("seller_id"), p.config.SellerID)); err != nil {
		return payment.Trade{}, err
	}
	if err := errors.Join(number("out_trade_no", form.Get("out_trade_no")), number("trade_no", form.Get("trade_no"))); err != nil {
		return payment.Trade{}, err
	}
	pushID, err := url.QueryUnescape(form.Get("passback_params"))
	if err != nil {
		return payment.Trade{}, fmt.Errorf("passback_params: %w", err)
	}
	channels, err := notifiedChannels(form.Get("fund_bill_list"), form.Get("credit_pay_mode"))
	if err != nil {
		return payment.Trade{}, err
	}
	return p.standing(payment.Trade{
		TradeNo: form.Get("out_trade_no"), ProviderTradeNo: form.Get("trade_no"), PushID: pushID, Channels: channels,
		Payer: payer(form.Get("buyer_id"), form.Get("buyer_open_id"), form.Get("buyer_logon_id")),
	}, alipay.TradeStatus(form.Get("trade_status")), form.Get("additional_status"), paidMoney{
		form.Get("total_amount"), form.Get("receipt_amount"), form.Get("buyer_pay_amount"), form.Get("gmt_payment"),
	})
}

// signedPlainly refuses forms whose signed text could be read in two ways, and those
// that ask for another method than the one agreed on.
func signedPlainly(form url.Values) error {
	if len(form) > maxFields {
		return errors.New("too many fields")
	}
	for name, values := range form {
		if len(values) != 1 {
			return fmt.Errorf("field %.40q is given %d times", name, len(values))
		}
	}
	if kind := form.Get(fieldSignType); kind != "RSA2" {
		return fmt.Errorf("signature type %.20q", kind)
	}
	return nil
}
