package alipay

import (
	"cmp"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
)

// Bounds of what names the sources of a payment.
const (
	maxFunds   = 32
	maxChannel = 64  // characters of one name
	maxNumber  = 64  // characters of a number of Alipay's
	maxPayer   = 128 // characters of an id of a payer
)

// fundBill is one source of the money of a trade. For a bank card only the type says
// whether it lends money (rule T6).
type fundBill struct {
	Channel string `json:"fund_channel"`
	Type    string `json:"fund_type"`
}

// notifiedBill is a fundBill as notifications spell it.
type notifiedBill struct {
	Channel string `json:"fundChannel"`
	Type    string `json:"fundType"`
}

// unnamed is a source of which Alipay gives no name: nobody knows what it is.
const unnamed = "UNNAMED"

// channels lists what names the sources of the money: channels, each followed by its type
// where there is one, and the mode of paying later. Alipay gives the type of bank cards
// only. Whatever the mode says, a trade that has one was not paid by its buyer: Alipay
// wants modes that are not known to be treated as a failure.
func channels(bills []fundBill, creditMode string) ([]string, error) {
	if len(bills) > maxFunds {
		return nil, fmt.Errorf("fund_bill_list: %d sources of money", len(bills))
	}
	var names []string
	for _, bill := range bills {
		names = append(names, clip(cmp.Or(bill.Channel, unnamed), maxChannel))
		if bill.Type != "" {
			names = append(names, clip(bill.Type, maxChannel))
		}
	}
	if creditMode != "" {
		names = append(names, push.CreditPayMode, clip(creditMode, maxChannel))
	}
	return names, nil
}

// notifiedChannels is channels for the fund_bill_list of a notification, a JSON text.
func notifiedChannels(list, creditMode string) ([]string, error) {
	if list == "" {
		return channels(nil, creditMode)
	}
	var notified []notifiedBill
	if err := json.Unmarshal([]byte(list), &notified); err != nil {
		return nil, fmt.Errorf("fund_bill_list: %w", err)
	}
	bills := make([]fundBill, len(notified))
	for i, bill := range notified {
		bills[i] = fundBill(bill)
	}
	return channels(bills, creditMode)
}
