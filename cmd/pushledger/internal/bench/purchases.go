package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	purchasesAtOnce   = 256
	mostPurchases     = 500 // a second of a core, for the number of domains needed
	purchasesShare    = 0.6 // of what the processor could sign
	purchasePatience  = time.Minute
	purchaseLookPause = 20 * time.Millisecond
)

// purchases measures whole purchases, W4: offered, accepted, paid at the partners' Alipay
// gateway, delivered, paid out; the peer is the processor that only signs.
func purchases(ctx context.Context, r *run) (err error) {
	var ends closers
	defer ends.close(&err)
	r.Progress("W4: start")
	own, err := r.purchasesOf(ctx, r.program, sideOurPurchases, &ends)
	if err != nil {
		return err
	}
	signing, err := r.startPeer(ctx, "signatures", setup{Kind: kindSigning})
	if err != nil {
		return err
	}
	ends.add(signing.close)
	sides := []side{own, signing.working(0)}
	if sides, err = r.purchasesAgainst(ctx, sides, &ends); err != nil {
		return err
	}
	all, err := r.turns(ctx, "W4", sides)
	if err != nil {
		return err
	}
	r.add(compared("W4 purchases", "1/s", "four signatures a purchase on all cores", all[0].rates(), all[1].rates(), atLeast(purchasesShare)))
	if len(all) > 2 {
		r.add(compared("W4 against", "1/s", "purchases of the other build", all[0].rates(), all[2].rates(), atLeast(1)))
	}
	return nil
}

const sideOurPurchases = "purchases"

// purchasesAgainst adds the other build, if there is one that can pay out.
func (r *run) purchasesAgainst(ctx context.Context, sides []side, ends *closers) ([]side, error) {
	if r.Against == "" {
		return sides, nil
	}
	certified, err := knows(ctx, r.Against, "--alipay-app-cert")
	if err != nil {
		return nil, err
	}
	if !certified {
		r.missing("W4 against", errors.New("the other build signs without certificates, so the gateway refuses its payouts"))
		return sides, nil
	}
	other, err := r.purchasesOf(ctx, r.Against, "purchases of the other build", ends)
	return append(sides, other), err
}

// purchasesOf starts a build and warms it up.
func (r *run) purchasesOf(ctx context.Context, program, name string, ends *closers) (side, error) {
	m, err := r.start(ctx, program, r.domainsFor(mostPurchases), ends)
	if err != nil {
		return side{}, err
	}
	conn, err := m.buyer.NATS()
	if err != nil {
		return side{}, err
	}
	heard, err := listen(conn)
	if err != nil {
		return side{}, err
	}
	buy := func(ctx context.Context, _ int) error { return m.purchase(ctx, heard) }
	return m.side(name, purchasesAtOnce, buy), warmUp(ctx, buy)
}

// purchase carries one push from offer to Completed.
func (m *market) purchase(ctx context.Context, heard *completions) error {
	ctx, cancel := context.WithTimeout(ctx, purchasePatience)
	defer cancel()
	offered, err := m.offer(ctx)
	if err != nil {
		return err
	}
	id := offered.PushID
	if _, err := m.buyer.Command(ctx, "accept", acceptBody{PushID: id, Total: price}, ""); err != nil {
		return fmt.Errorf("accept %s: %w", id, err)
	}
	if err := m.pay(ctx, id); err != nil {
		return fmt.Errorf("pay %s: %w", id, err)
	}
	return heard.completed(ctx, id)
}

type acceptBody struct {
	PushID string `json:"push_id"`
	Total  string `json:"total"`
}

// pay has the sandbox's buyer pay. The trade may not be there yet: the buyer comes to
// the payment page only after the service has shown it.
func (m *market) pay(ctx context.Context, id string) error {
	conn, err := m.control.NATS()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"push_id": id})
	if err != nil {
		return err
	}
	for {
		answer, err := conn.RequestWithContext(ctx, "sandbox.alipay.pay", body)
		if err != nil {
			return err
		}
		var said struct {
			OK    bool `json:"ok"`
			Error struct {
				Code string `json:"code"`
			} `json:"error"`
		}
		if err := json.Unmarshal(answer.Data, &said); err != nil {
			return err
		}
		switch {
		case said.OK:
			return nil
		case said.Error.Code != "trade_not_found":
			return errors.New(said.Error.Code)
		}
		time.Sleep(purchaseLookPause)
	}
}
