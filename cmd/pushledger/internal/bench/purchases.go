package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"
)

const (
	purchasesAtOnce   = 256
	purchasesTarget   = 1000 // a second
	purchasePatience  = time.Minute
	purchaseLookPause = 20 * time.Millisecond
)

// purchases measures whole purchases, W4: offered, accepted, paid at the sandbox's
// Alipay gateway, delivered, paid out.
func purchases(ctx context.Context, r *run) (err error) {
	r.Progress("start")
	ours, err := start(ctx, r.Options, int(4*purchasesTarget*r.span().Seconds()*rounds)+purchasesTarget)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	follow, stop := context.WithCancel(ctx)
	group, follow := errgroup.WithContext(follow)
	ends := newCompletions()
	group.Go(func() error { return ours.service.Log().Follow(follow, 0, ends.observe, nil) })
	defer func() { stop(); _ = group.Wait() }() // it ends by being told to
	buy := func(ctx context.Context, _ int) error { return ours.purchase(ctx, ends) }
	if err := warmUp(ctx, buy); err != nil {
		return err
	}
	var rates []float64
	for round := range rounds {
		r.Progress(fmt.Sprintf("W4 round %d of %d", round+1, rounds))
		own, err := load(ctx, purchasesAtOnce, r.span(), buy)
		if err != nil {
			return err
		}
		rates = append(rates, own.rate)
	}
	r.add(compared("W4 purchases", "1/s", targetItself, rates, same(purchasesTarget), atLeast(1)))
	return nil
}

// purchase carries one push from offer to Completed.
func (s *subject) purchase(ctx context.Context, ends *completions) error {
	ctx, cancel := context.WithTimeout(ctx, purchasePatience)
	defer cancel()
	id, err := s.offer(ctx)
	if err != nil {
		return err
	}
	if _, err := s.buyer.Command(ctx, "accept", acceptBody{PushID: id, Total: price}, ""); err != nil {
		return fmt.Errorf("accept %s: %w", id, err)
	}
	if err := s.pay(ctx, id); err != nil {
		return fmt.Errorf("pay %s: %w", id, err)
	}
	return ends.completed(ctx, id)
}

type acceptBody struct {
	PushID string `json:"push_id"`
	Total  string `json:"total"`
}

// pay has the sandbox's buyer pay. The trade may not be there yet: the buyer comes to
// the payment page only after the service has shown it.
func (s *subject) pay(ctx context.Context, id string) error {
	conn, err := s.control.NATS()
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
