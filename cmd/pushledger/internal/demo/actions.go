package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
)

// do does one action. What is not as the scenario says is noted in the row.
func (p *Player) do(ctx context.Context, scenario Scenario, made offer, action Action, row *Row) error {
	switch action.Do {
	case "accept":
		return p.accept(ctx, made, action, row)
	case "withdraw":
		return p.command(ctx, scenario.Seller, action.Do, map[string]any{"push_id": made.PushID})
	case "decline":
		return p.command(ctx, made.Buyer, action.Do, map[string]any{"push_id": made.PushID, "reason": action.Reason})
	case "takedown":
		return p.command(ctx, operator, action.Do, map[string]any{"push_id": made.PushID, "reason": action.Reason})
	case "settle":
		return p.settle(ctx, made, action)
	case "facts":
		return p.facts(ctx, made, action, row)
	case "wait":
		view, err := p.wait(ctx, scenario.Seller, made.PushID, action.Status)
		if err == nil {
			row.compare("awaited status", string(view.Status), action.Status)
		}
		return err
	case "wait_delivered":
		return p.waitDelivered(ctx, scenario.Seller, made.PushID)
	case "pay":
		return p.control(ctx, "sandbox.alipay.pay", given(map[string]any{
			"push_id": made.PushID, "channel": action.Channel, "notify": action.Notify, "amount": action.Amount,
		}), nil)
	case "alipay_fault":
		return p.control(ctx, "sandbox.alipay.fault", map[string]any{"api": action.API, "mode": action.Mode, "times": action.Times}, nil)
	default:
		return p.atTheRegistrar(ctx, action, row)
	}
}

// atTheRegistrar does an action by the sandbox's controls of the registrar and the directory.
func (p *Player) atTheRegistrar(ctx context.Context, action Action, row *Row) error {
	switch action.Do {
	case "registrar_event":
		return p.control(ctx, "sandbox.registrar.event", map[string]any{"kind": action.Kind, "domain": action.Domain}, nil)
	case "registrar_fault":
		return p.control(ctx, "sandbox.registrar.fault", map[string]any{
			"domain": action.Domain, "op": action.Op, "mode": action.Mode, "times": action.Times,
		}, nil)
	case "registrar_set":
		return p.control(ctx, "sandbox.registrar.set", action.Facts, nil)
	case "account_set":
		return p.control(ctx, "sandbox.accounts.set", action.Facts, nil)
	case "registrar_act":
		err := p.control(ctx, "sandbox.registrar.act", given(map[string]any{
			"domain": action.Domain, "account": action.Account, "act": action.Act, "to": action.To,
		}), nil)
		return row.compareRefusal(err, action)
	default:
		return errors.New("there is no such action")
	}
}

// compareRefusal compares the code with which an action was refused, if it was.
func (r *Row) compareRefusal(err error, action Action) error {
	code := ""
	var refused *push.Refusal
	if errors.As(err, &refused) {
		code, err = refused.Code, nil
	}
	if err == nil {
		r.compare("refusal of "+action.Do, code, action.Refused)
	}
	return err
}

// given drops what a scenario leaves out.
func given(body map[string]any) map[string]any {
	for name, value := range body {
		if value == "" {
			delete(body, name)
		}
	}
	return body
}

func (p *Player) accept(ctx context.Context, made offer, action Action, row *Row) error {
	buyer, err := p.as(made.Buyer)
	if err != nil {
		return err
	}
	view, err := p.wait(ctx, made.Buyer, made.PushID, "")
	if err != nil {
		return err
	}
	_, err = buyer.Command(ctx, "accept", given(map[string]any{
		"push_id": made.PushID, "total": view.Total, "registrant": action.Registrant,
	}), "")
	return row.compareRefusal(err, action)
}

// settle has the operator decide about what the buyer has done, once it waits for that.
func (p *Player) settle(ctx context.Context, made offer, action Action) error {
	body := map[string]any{
		"push_id": made.PushID, "step": push.StepBuyerAct, "domain": action.Domain, "decision": action.Decision,
		"reason": action.Reason, "reference": "demo",
	}
	return p.patiently(ctx, func() (bool, error) {
		err := p.command(ctx, operator, "settle", body)
		var refused *push.Refusal
		if errors.As(err, &refused) && refused.Code == push.CodeNotWaiting {
			return false, nil // the event is still on its way
		}
		return true, err
	})
}

// facts compares what the buyer is told of the domains before it accepts.
func (p *Player) facts(ctx context.Context, made offer, action Action, row *Row) error {
	buyer, err := p.as(made.Buyer)
	if err != nil {
		return err
	}
	if _, err := p.wait(ctx, made.Buyer, made.PushID, ""); err != nil {
		return err
	}
	told, err := buyer.Facts(ctx, acceptance.FactsRequest{PushID: made.PushID}, 0)
	if err != nil {
		return err
	}
	row.compare("whether it can be accepted", fmt.Sprint(told.Acceptable), fmt.Sprint(action.Acceptable))
	return nil
}

// waitDelivered waits until a domain of the push is with its buyer.
func (p *Player) waitDelivered(ctx context.Context, account, id string) error {
	return p.patiently(ctx, func() (bool, error) {
		view, err := p.wait(ctx, account, id, "")
		if err != nil {
			return false, err
		}
		for _, item := range view.Items {
			if item.Delivery == string(push.DeliveryDelivered) {
				return true, nil
			}
		}
		return false, nil
	})
}
