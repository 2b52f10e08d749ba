package push

import (
	"time"
)

// DecideWithdraw decides a withdrawal: only by the seller, only while the offer is
// open (rule L3). Once the push is completed it is final (rule T4).
func DecideWithdraw(state State, command Withdraw, now time.Time) ([]Event, error) {
	if command.Actor != state.Seller {
		return nil, Refuse(CodeNotYourPush, "")
	}
	if err := open(state, now); err != nil {
		return nil, err
	}
	return []Event{Withdrawn{At: now}}, nil
}

// DecideDecline decides a refusal by the buyer: only while the offer is open (rule L4).
func DecideDecline(state State, command Decline, now time.Time) ([]Event, error) {
	if command.Actor != state.Buyer {
		return nil, Refuse(CodeNotYourPush, "")
	}
	if err := open(state, now); err != nil {
		return nil, err
	}
	return []Event{Declined{At: now, Reason: command.Reason}}, nil
}

// CheckAccept is the part of DecideAccept that needs no facts from outside: who
// accepts, what the buyer saw, and whether the offer is still open (rules T1, L1, L5).
func CheckAccept(state State, command Accept, now time.Time) error {
	if command.Actor != state.Buyer {
		return Refuse(CodeNotYourPush, "")
	}
	if err := openToAccept(state, now); err != nil {
		return err
	}
	if command.Total != state.Total {
		return Refuse(CodeTotalChanged, state.Total.String())
	}
	return nil
}

// DecideAccept decides a purchase: CheckAccept, and all that CheckAcceptable finds (rule
// L7). At a total of 0 accepting is paying (rule T8). What facts refuse may also end the
// push: that is DecideFacts'.
func DecideAccept(state State, command Accept, facts AcceptFacts, now time.Time) ([]Event, error) {
	if err := CheckAccept(state, command, now); err != nil {
		return nil, err
	}
	if refusal := RefuseAll(CheckAcceptable(state, facts, now)); refusal != nil {
		return nil, refusal
	}
	if state.Total == 0 {
		return []Event{
			Accepted{At: now, Total: state.Total, Registrant: command.Registrant},
			Paid{At: now},
			DeliveryStarted{At: now},
			HoldStarted{At: now},
		}, nil
	}
	payer := Payer{}
	if command.OwnAccount {
		payer = Payer{UserID: facts.Buyer.AlipayUserID, OpenID: facts.Buyer.AlipayOpenID}
		if payer == (Payer{}) {
			return nil, Refuse(CodeBuyerNoAlipay, "")
		}
	}
	return []Event{Accepted{
		At: now, Total: state.Total, TradeNo: TradeNo(state.ID), PayBy: now.Add(command.Window), Payer: payer,
		Merchant: merchantOf(facts), Registrant: command.Registrant,
	}}, nil
}

// CheckAcceptable lists what would refuse the acceptance of an open push by what partners
// say now: T7 and T11 of its seller, P1–P8 of every domain, and a transfer password obtained since
// the offer (rules L7, I6). Of a domain that is not the seller's any more it says only that:
// the rest is the business of whoever has it.
func CheckAcceptable(state State, facts AcceptFacts, now time.Time) []Violation {
	violations := append(checkSeller(facts.Seller, facts.NeedsMerchant), checkPayout(state.Total, state.FeeRate, facts.payoutLimit())...)
	for _, domain := range facts.Domains {
		violations = append(violations, checkEligibility(situation{facts: domain, seller: state.Seller, now: now})...)
		if owns(state.Seller, domain) && authCodeSince(domain, state.CheckedAt) {
			violations = append(violations, violate("I6", CodeAuthCodeIssued, domain.Domain))
		}
	}
	return violations
}

// DecideTakedown decides an operator's takedown (rule I8): like any other trigger it
// ends an open push, undoes a paid one and comes too late for a delivered one (T4). An
// accepted push is open until the provider has said that no money came, however late.
func DecideTakedown(state State, command Takedown, now time.Time) ([]Event, error) {
	switch {
	case state.Status == StatusCompleted || state.Delivery == StageDelivered:
		return nil, Refuse(CodeCompletedIsFinal, "")
	case !state.Status.Live():
		return nil, Refuse(CodeAlreadyEnded, string(state.Status))
	case state.Status == StatusOffered && state.ExpiredBy(now):
		return nil, Refuse(CodeAlreadyEnded, string(StatusExpired))
	}
	events := Invalidate(state, Trigger{
		Code:  CodeTakenDown,
		Cause: Cause{Kind: CauseOperator, Actor: command.Actor, Reason: command.Reason},
	}, now)
	if len(events) == 0 { // it is being undone already
		return nil, Refuse(CodeAlreadyEnded, state.Return.Code)
	}
	return events, nil
}

// DecideExpire ends an offer that nobody accepted in time (rules L1, L2). An accepted
// push expires by DecideUnpaid, once the provider has said that no money came.
func DecideExpire(state State, now time.Time) []Event {
	if state.Status != StatusOffered || !state.ExpiredBy(now) {
		return nil
	}
	return []Event{Expired{At: now, Reason: state.ExpiryReason}}
}

// open reports why an offer cannot be withdrawn or declined.
func open(state State, now time.Time) error {
	switch {
	case state.Status == StatusOffered && state.ExpiredBy(now):
		return Refuse(CodeAlreadyEnded, string(StatusExpired))
	case state.Status == StatusOffered:
		return nil
	case state.Status == StatusCompleted:
		return Refuse(CodeCompletedIsFinal, "")
	case state.Status.Live():
		return Refuse(CodeAlreadyAccepted, "")
	default:
		return Refuse(CodeAlreadyEnded, string(state.Status))
	}
}

// openToAccept is open, but that a completed push has merely ended: accepting it asks
// for no money and no domain back.
func openToAccept(state State, now time.Time) error {
	if state.Status == StatusCompleted {
		return Refuse(CodeAlreadyEnded, string(state.Status))
	}
	return open(state, now)
}
