package alipay

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// Bounds of what names the sources of a payment.
const (
	maxFunds   = 32
	maxChannel = 64 // characters of one name
	maxNumber  = 64 // characters of a number of Alipay's
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

// channels lists what names the sources of the money: channels, types of bank cards,
// and the mode of paying later.
func channels(bills []fundBill, creditMode string) ([]string, error) {
	if len(bills) > maxFunds {
		return nil, fmt.Errorf("fund_bill_list: %d sources of money", len(bills))
	}
	var names []string
	for _, bill := range bills {
		names = append(names, bill.Channel, bill.Type)
	}
	var known []string
	for _, name := range append(names, creditMode) {
		if name != "" {
			known = append(known, clip(name, maxChannel))
		}
	}
	return known, nil
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
