package alipaygateway

import (
	"context"
	"crypto/rand"
)

const maxFields = 64

// told answers sandbox.alipay.notify: what the merchant made of the notification.
type told struct {
	OK     bool   `json:"ok"`     // true
	Status int    `json:"status"` // of HTTP
	Answer string `json:"answer"` // its beginning; "success" if it was taken
}

// notifyControl answers sandbox.alipay.notify: it sends the notification of the newest
// trade of a push once, at once, with fields changed before it is signed or, forged,
// after. Of an order without a trade it says that somebody has signed in.
func (g *Gateway) notifyControl(ctx context.Context, body []byte) (any, error) {
	var wanted struct {
		PushID string            `json:"push_id"`
		Fields map[string]string `json:"fields"`
		Forged bool              `json:"forged"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	if len(wanted.Fields) > maxFields {
		return nil, refuse("too_large", "at most %d fields", maxFields)
	}
	known, _ := g.books.ofPush(wanted.PushID)
	if len(known) == 0 {
		return nil, refuse("trade_not_found", "no trade of push %.80q has come up", wanted.PushID)
	}
	about := known[len(known)-1].read()
	standing := about.Status
	if standing == ordered {
		standing = waitBuyerPay
	}
	fields, err := g.notification(about, notice{NotifyID: rand.Text(), Status: standing})
	if err != nil {
		return nil, err
	}
	for name, value := range wanted.Fields {
		fields.Set(name, value)
	}
	if !wanted.Forged {
		signature, err := sign(g.teller().key, signedText(fields, "sign", "sign_type"))
		if err != nil {
			return nil, err
		}
		fields.Set("sign", signature)
	}
	status, said, err := g.post(ctx, about.NotifyURL, fields)
	if err != nil {
		return nil, err
	}
	return told{OK: true, Status: status, Answer: said}, nil
}
