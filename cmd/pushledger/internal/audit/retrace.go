package audit

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// retrace decides once more what was decided, by the very functions that decide on the
// write path. What they were told from outside is taken from the events; whether it was
// true is not in the log. Eligibility (P1–P8 but the reservation) rests on such facts.
func retrace(before push.State, id, actor string, events []push.Event) error {
	var refusal error
	for _, decide := range decisions(before, id, actor, events) {
		decided, err := decide()
		if err == nil && (reflect.DeepEqual(decided, events) || reflect.DeepEqual(withoutHold(decided), events)) {
			return nil
		}
		refusal = err
	}
	if refusal != nil {
		return fmt.Errorf("%s is against the rules: %w", events[0].EventType(), refusal)
	}
	return fmt.Errorf("no rule leads from %q to %s", before.Status, types(events))
}

// withoutHold leaves out the last event if it orders holds: a purchase that is older than
// holds began without it.
func withoutHold(decided []push.Event) []push.Event {
	if last := len(decided) - 1; last >= 0 && decided[last].EventType() == (push.HoldStarted{}).EventType() {
		return decided[:last]
	}
	return decided
}

func types(events []push.Event) []string {
	names := make([]string, len(events))
	for i, event := range events {
		names[i] = event.EventType()
	}
	return names
}

type decision = func() ([]push.Event, error)

// sure makes a decision of one that cannot be refused.
func sure(events []push.Event) decision {
	return func() ([]push.Event, error) { return events, nil }
}

// decisions are those that could begin with the first of the events.
func decisions(before push.State, id, actor string, events []push.Event) []decision {
	switch e := events[0].(type) {
	case push.Offered:
		return []decision{func() ([]push.Event, error) { return offer(before, id, actor, e) }}
	case push.Withdrawn:
		return []decision{func() ([]push.Event, error) {
			return push.DecideWithdraw(before, push.Withdraw{Actor: actor}, e.At)
		}}
	case push.Declined:
		return []decision{func() ([]push.Event, error) {
			return push.DecideDecline(before, push.Decline{Actor: actor, Reason: e.Reason}, e.At)
		}}
	case push.Accepted:
		return []decision{func() ([]push.Event, error) { return accept(before, actor, e) }}
	case push.Expired:
		return []decision{
			sure(push.DecideExpire(before, e.At)), sure(push.DecideUnpaid(before, e.At)), receipt(before, events), olderReceipt(before, events),
		}
	case push.Invalidated:
		return []decision{
			triggers(before, e.Code, e.Domain, e.Cause, e.At), receipt(before, events), sure(push.DecideReturns(before, nil, e.At)),
		}
	case push.RetryOrdered, push.SettledByHand, push.MoveReversed, push.BuyerActed:
		return []decision{byHand(before, actor, events)}
	case push.ReturnStarted:
		refused := []push.HoldOutcome{{Domain: e.Domain, Code: e.Cause.Detail, Cause: e.Cause.Kind}}
		return []decision{
			triggers(before, e.Code, e.Domain, e.Cause, e.At),
			sure(push.DecideHolds(before, refused, e.At)),
		}
	case push.Completed, push.DeliveryStarted, push.RefundRequested, push.PayoutRequested:
		return nil // they only follow others
	default:
		return outcomes(before, events)
	}
}

// byHand is the decision of an operator about what waits for a person, or the note that
// something does.
func byHand(before push.State, actor string, events []push.Event) decision {
	switch e := events[0].(type) {
	case push.RetryOrdered:
		return func() ([]push.Event, error) {
			task := push.Task{Step: e.Step, RequestNo: e.RequestNo, Domain: e.Domain}
			// Whether a step under way was put off, only the service knew that carried it out.
			return push.DecideRetry(before, push.Retry{Task: task, Actor: actor, Reason: e.Reason, Alarmed: true}, e.At)
		}
	case push.SettledByHand:
		return func() ([]push.Event, error) {
			task := push.Task{Step: e.Step, RequestNo: e.RequestNo, Domain: e.Domain}
			place, facts := rest(before, e, events)
			return push.DecideSettle(before, push.Settle{
				Task: task, Place: place, Decision: e.Decision, Actor: actor, Reason: e.Reason, Reference: e.Reference,
			}, facts, e.At)
		}
	case push.MoveReversed:
		report := push.Report{
			EventID: e.EventID, Kind: "account_moved", Domain: e.Domain, At: e.At, To: e.To, OperationID: push.MoveNo(before.ID, e.Domain),
		}
		return sure(push.DecideReport(before, report, e.At))
	case push.BuyerActed:
		if e.Cause.Kind == push.CauseCheck {
			return sure(push.DecideFacts(before, taken(before, e), e.At))
		}
		report := push.Report{EventID: e.Cause.EventID, Kind: e.Cause.Detail, Domain: e.Domain, At: latest(e.At, before.PaidAt), To: "elsewhere"}
		return sure(push.DecideReport(before, report, e.At))
	default:
		return sure(nil)
	}
}

// rest is where a domain has come to rest, by what follows a settlement.
func rest(before push.State, settled push.SettledByHand, events []push.Event) (push.Place, push.DomainFacts) {
	for _, outcome := range returns(events) {
		if outcome.Domain != settled.Domain {
			continue
		}
		facts := push.DomainFacts{
			Domain: outcome.Domain, Revision: outcome.Revision, Exists: outcome.Place != push.PlaceDeleted,
			RegistrarOK: outcome.Place != push.PlaceTransferredOut,
		}
		if outcome.Place == push.PlaceReturned {
			facts.Account = before.Seller
		}
		return outcome.Place, facts
	}
	return "", push.DomainFacts{}
}

// taken are facts that show what the buyer has done with a domain.
func taken(before push.State, acted push.BuyerActed) push.DomainFacts {
	facts := push.DomainFacts{Domain: acted.Domain, Account: before.Buyer, Exists: true, RegistrarOK: true}
	switch acted.Code {
	case push.CodeDomainGone:
		facts.Exists = false
	case push.CodeAccountMoved:
		facts.Account = "elsewhere"
	case push.CodeAuthCodeIssued:
		line, _ := before.Line(acted.Domain)
		facts.AuthCodeIssuedAt = latest(acted.At, line.MovedAt)
	}
	return facts
}

// latest is the later of two times: the clocks of those who recorded them may differ.
func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// triggers is the decision about something that makes a push impossible or forbidden. A person
// ends a push by a takedown only, and what the buyer did with a domain ends none by itself.
func triggers(before push.State, code string, domain domainname.Name, cause push.Cause, at time.Time) decision {
	if code == push.CodeBuyerActed || (cause.Kind == push.CauseOperator) != (code == push.CodeTakenDown) {
		return sure(nil)
	}
	return sure(push.Invalidate(before, push.Trigger{Code: code, Domain: domain, Cause: cause}, at))
}

// outcomes are the decisions about what partners have said.
func outcomes(before push.State, events []push.Event) []decision {
	switch e := events[0].(type) {
	case push.Paid, push.StrayReceived:
		return []decision{receipt(before, events), olderReceipt(before, events)}
	case push.PaymentOpened:
		return []decision{sure(push.DecideOpened(before, e.At))}
	case push.PaymentClosed:
		return []decision{sure(push.DecideClosed(before, e.At))}
	case push.HoldStarted:
		return []decision{sure(push.DecideHoldStarted(before, e.At))}
	case push.DomainsHeld:
		return []decision{sure(push.DecideDelivery(before, holds(before, e), moves(events), e.At))}
	case push.HoldsReleased:
		return []decision{sure(push.DecideReleased(before, e.At))}
	case push.DomainMoved:
		return []decision{sure(push.DecideMoves(before, moves(events), e.At))}
	case push.DomainMoveRefused:
		return []decision{sure(push.DecideMoves(before, moves(events), e.At))}
	case push.DomainReturned:
		return []decision{sure(push.DecideReturns(before, returns(events), e.At))}
	case push.DomainReturnRefused:
		return []decision{sure(push.DecideReturns(before, returns(events), e.At))}
	case push.Refunded:
		return []decision{sure(push.DecideRefunded(before, e.RequestNo, e.At))}
	case push.StrayRefunded:
		return []decision{sure(push.DecideRefunded(before, e.RequestNo, e.At))}
	case push.RefundRefused:
		return []decision{sure(push.DecideRefundRefused(before, e.RequestNo, e.Code, e.Message, e.At))}
	case push.PaidOut:
		return []decision{sure(push.DecidePaidOut(before, e.ProviderNo, e.At))}
	case push.PayoutRefused:
		refusal := push.PayoutRefusal{PayoutNo: e.PayoutNo, Code: e.Code, Message: e.Message, Failed: e.Failed, Payee: e.Payee}
		if e.FeeOnly {
			return []decision{sure(push.DecideFeeRefused(before, refusal, e.At))}
		}
		return []decision{
			sure(push.DecidePayoutRefused(before, refusal, e.At)), sure(push.DecidePayoutFailed(before, refusal, anotherPayee, "", e.At)),
		}
	case push.PayoutRenumbered:
		return []decision{sure(push.DecidePayoutRenumbered(before, anotherPayee, "", e.At))}
	default:
		return nil
	}
}

// anotherPayee stands for the account that the seller has changed to, which is in no event.
const anotherPayee = "another"

func offer(before push.State, id, actor string, e push.Offered) ([]push.Event, error) {
	if e.PushID != id || e.Seller != actor {
		return nil, push.Refuse(push.CodeNotYourPush, "")
	}
	asked := push.Offer{PushID: id, Seller: e.Seller, Buyer: e.Buyer, Items: e.Items, FeeRate: e.FeeRate, Remark: e.Remark}
	if e.ExpiryReason == push.ExpirySellerDeadline {
		asked.ExpiresAt = e.ExpiresAt
	}
	return push.DecideOffer(before, asked, push.OfferFacts{
		CheckedAt: e.CheckedAt, Buyer: push.AccountFacts{Exists: true}, Seller: bound,
	}, e.OfferedAt)
}

// bound is a seller who meets rule T7.
var bound = push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound"}

// accept leaves out the address of the payment page, which the provider's adapter made.
func accept(before push.State, actor string, e push.Accepted) ([]push.Event, error) {
	seller := bound
	seller.AlipayMerchantID = e.Merchant
	decided, err := push.DecideAccept(before, push.Accept{
		Actor: actor, Total: e.Total, Window: e.PayBy.Sub(e.At), Registrant: e.Registrant,
		OwnAccount: e.Payer != push.Payer{},
	}, push.AcceptFacts{
		Seller: seller, NeedsMerchant: e.Merchant != "",
		Buyer: push.AccountFacts{AlipayUserID: e.Payer.UserID, AlipayOpenID: e.Payer.OpenID},
	}, e.At)
	for i, event := range decided {
		if accepted, is := event.(push.Accepted); is {
			accepted.PayURL = e.PayURL
			decided[i] = accepted
		}
	}
	return decided, err
}

// holds are the outcomes of which an event tells. Whether a domain could not be held or was
// refused once it was with the buyer is not in it, and makes no difference.
func holds(before push.State, told push.DomainsHeld) []push.HoldOutcome {
	outcomes := make([]push.HoldOutcome, len(before.Lines))
	for i, line := range before.Lines {
		outcomes[i] = push.HoldOutcome{Domain: line.Domain, Held: slices.Contains(told.Held, line.Domain)}
	}
	return outcomes
}

func moves(events []push.Event) []push.MoveOutcome {
	var list []push.MoveOutcome
	first := -1 // refusal, of which the return that follows tells the cause
	for _, event := range events {
		switch e := event.(type) {
		case push.DomainMoved:
			list = append(list, push.MoveOutcome{Domain: e.Domain, Moved: true, Revision: e.Revision})
		case push.DomainMoveRefused:
			if first < 0 {
				first = len(list)
			}
			list = append(list, push.MoveOutcome{Domain: e.Domain, Code: e.Code})
		case push.ReturnStarted:
			if first >= 0 {
				list[first].Cause = e.Cause.Kind
			}
		default:
		}
	}
	return list
}

func returns(events []push.Event) []push.ReturnOutcome {
	var list []push.ReturnOutcome
	for _, event := range events {
		switch e := event.(type) {
		case push.DomainReturned:
			list = append(list, push.ReturnOutcome{Domain: e.Domain, Place: e.Place, Revision: e.Revision})
		case push.DomainReturnRefused:
			list = append(list, push.ReturnOutcome{Domain: e.Domain, Code: e.Code})
		default:
		}
	}
	return list
}
