package main

import (
	"slices"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/projections/pushes"
)

// both is a word of the catalogue in both languages.
func both(text words.Text) string {
	if text.EN == text.ZH {
		return text.EN
	}
	return text.EN + " / " + text.ZH
}

// statusOf is the word for where a push stands. One that is paid may be on its way back.
func statusOf(view pushes.View) string {
	delivery := func(one ...push.Delivery) bool {
		return slices.ContainsFunc(view.Items, func(item pushes.ItemView) bool { return slices.Contains(one, push.Delivery(item.Delivery)) })
	}
	switch {
	case view.Status != push.StatusPaid:
		return both(words.Status(view.Status))
	case delivery(push.DeliveryStuck):
		return both(words.NeedsPerson)
	case delivery(push.DeliveryReturning, push.DeliveryReturned, push.DeliveryKept, push.DeliveryGone):
		return both(words.BeingUndone)
	default:
		return both(words.Status(view.Status))
	}
}

// paymentOf is the word for how the payment stands; empty before there is one to make.
func paymentOf(view pushes.View) string {
	if view.Payment.State == pushes.PaymentNone && view.Total > 0 {
		return ""
	}
	return both(words.Payment(string(view.Payment.State)))
}
