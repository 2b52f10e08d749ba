package push

import (
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// Trigger is something that makes a push impossible or forbidden.
type Trigger struct {
	Code   string
	Domain domainname.Name // empty when no single domain is the cause
	Cause  Cause
}

// Report is an event of the registrar about one domain.
type Report struct {
	EventID     string
	Kind        string
	Domain      domainname.Name
	At          time.Time
	OperationID string // of the move that caused it, when the registrar says so
	To          string // account the domain moved to, when the registrar says so
	Asked       bool   // To is not in the event: the domain's facts say so
	// Earlier says that it is the echo of what the ledger ordered for an earlier push of the
	// domain, and comes late.
	Earlier bool
}

// invalidations is the table of the registrar's events that end a push.
//
// What whoever has the domain can do with it is no failure of the seller's once the
// buyer has it (rule B5). An echo may be the registrar's word on what the ledger ordered.
var invalidations = map[string]struct {
	rule, code     string
	byHolder, echo bool
}{
	"deleted":              {rule: "I1", code: CodeDomainGone, byHolder: true},
	"transferred_out":      {rule: "I1", code: CodeDomainGone, byHolder: true},
	"transfer_out_started": {rule: "I1", code: CodeDomainGone, byHolder: true},
	"account_moved":        {rule: "I2", code: CodeAccountMoved, byHolder: true, echo: true},
	"registrant_changed":   {rule: "I3", code: CodeRegistrantChanged, byHolder: true, echo: true},
	"blacklisted":          {rule: "I4", code: CodeBlacklisted},
	"account_move_locked":  {rule: "I4", code: CodeAccountMoveLocked},
	"restricted":           {rule: "I4", code: CodePublishingRestricted},
	"auth_code_issued":     {rule: "I6", code: CodeAuthCodeIssued, byHolder: true},
	"policy_violation":     {rule: "I7", code: CodePolicyViolation},
}

// IsTrigger reports whether a kind of registrar event ends a push by itself. What any
// other kind means is judged by the domain's facts (DecideFacts).
func IsTrigger(kind string) bool {
	_, is := invalidations[kind]
	return is
}

// IsByHolder reports whether a kind of registrar event can be what the holder of a domain
// has done.
func IsByHolder(kind string) bool { return invalidations[kind].byHolder }

// DecideReport decides what an event of the registrar does to the push that holds its
// domain, or held it last. It does nothing if the event is older than the facts on which
// the push was published, if it is the echo of a move that this push ordered, or if the
// push has been delivered or has ended; but that a delivery was taken back is noted for
// a person whenever that happens. What the buyer does with a domain that it has, while
// others are still to be delivered, stops the push (rule B5).
func DecideReport(state State, report Report, now time.Time) []Event {
	row, trigger := invalidations[report.Kind]
	line, held := state.Line(report.Domain)
	switch {
	case !trigger || !held || stale(report.At, state.CheckedAt):
		return nil
	case reversed(state, line, report):
		return []Event{MoveReversed{At: now, Domain: line.Domain, EventID: report.EventID, To: report.To}}
	case row.echo && (ownMove(state, line, report) || known(state, report)):
		return nil
	case row.byHolder && byBuyer(state, line, report):
		return buyerActed(line, row.code, Cause{Kind: CauseRegistrarEvent, EventID: report.EventID, Detail: report.Kind}, now)
	}
	return Invalidate(state, Trigger{
		Code: row.code, Domain: line.Domain,
		Cause: Cause{Kind: CauseRegistrarEvent, EventID: report.EventID, Detail: report.Kind},
	}, now)
}

// byBuyer reports whether what the holder of a domain did was the buyer's doing, while other
// domains were still to be delivered. Before the payment only the seller had it, however late
// the registrar tells of it; and a delivery that is taken back is the registrar's own doing.
func byBuyer(state State, line Line, report Report) bool {
	return state.Delivery == StageDelivering && line.Delivery == DeliveryDelivered &&
		!stale(report.At, state.PaidAt) && report.OperationID != MoveNo(state.ID, line.Domain)
}

// buyerActed notes once what the buyer has done with a domain. Once a person has decided that
// the sale goes on, nothing that the buyer does with the domain is news.
func buyerActed(line Line, code string, cause Cause, now time.Time) []Event {
	if line.Acted != "" || line.Upheld {
		return nil
	}
	return []Event{BuyerActed{At: now, Domain: line.Domain, Code: code, Cause: cause}}
}

// DecideFacts decides what facts of a domain of the push mean that were read again,
// because its buyer accepts or because the registrar has reported something of an unknown
// kind (rule L7). What the table I1–I7 knows as a trigger ends the push as if it had been
// reported. The facts must have been read after the last event of state. A domain that is
// on its way to the buyer is left to the check before its move.
func DecideFacts(state State, facts DomainFacts, now time.Time) []Event {
	line, held := state.Line(facts.Domain)
	cause := Cause{Kind: CauseCheck}
	switch {
	case !held:
		return nil
	case state.Status == StatusOffered || state.Status == StatusAccepted:
		if code := triggered(state, facts); code != "" {
			return Invalidate(state, Trigger{Code: code, Domain: line.Domain, Cause: cause}, now)
		}
	case state.Delivery == StageDelivering && line.Delivery == DeliveryDelivered:
		if code := takenFrom(state, line, facts); code != "" {
			return buyerActed(line, code, cause, now)
		}
	}
	return nil
}

// triggered is the code of the trigger that facts of a domain show, which is to be with
// the seller; empty if they show none.
func triggered(state State, facts DomainFacts) string {
	switch {
	case !facts.Exists || !facts.RegistrarOK:
		return CodeDomainGone
	case facts.Account != state.Seller:
		return CodeAccountMoved
	case slices.Contains(facts.Restrictions, "blacklisted"):
		return CodeBlacklisted
	case slices.Contains(facts.Restrictions, "policy_violation"):
		return CodePolicyViolation
	case facts.AccountMoveLocked:
		return CodeAccountMoveLocked
	case len(facts.Restrictions) > 0:
		return CodePublishingRestricted
	case authCodeSince(facts, state.CheckedAt):
		return CodeAuthCodeIssued
	default:
		return ""
	}
}

// takenFrom is what facts show the buyer to have done with a delivered domain.
func takenFrom(state State, line Line, facts DomainFacts) string {
	switch {
	case !facts.Exists || !facts.RegistrarOK:
		return CodeDomainGone
	case facts.Account != state.Buyer:
		return CodeAccountMoved
	case authCodeSince(facts, line.MovedAt):
		return CodeAuthCodeIssued
	default:
		return ""
	}
}

// Invalidate ends the push by a trigger: before payment at once; after payment, and
// before every domain is with the buyer, by undoing it (rules B2, I1–I8). It returns
// nothing if the push has ended, is delivered, or is being undone already.
func Invalidate(state State, trigger Trigger, now time.Time) []Event {
	switch {
	case state.Status == StatusOffered && state.ExpiredBy(now):
		return DecideExpire(state, now)
	case state.Status == StatusOffered || state.Status == StatusAccepted:
		return []Event{Invalidated{At: now, Code: trigger.Code, Domain: trigger.Domain, Cause: trigger.Cause}}
	case state.Status == StatusPaid && state.Delivery == StageDelivering:
		return []Event{ReturnStarted{At: now, Code: trigger.Code, Domain: trigger.Domain, Cause: trigger.Cause}}
	default:
		return nil
	}
}

// stale reports whether the registrar's facts were read after the event and so knew
// of it. An event without fractions of a second is compared by whole seconds.
func stale(at, checked time.Time) bool {
	if at.Nanosecond() == 0 {
		checked = checked.Truncate(time.Second)
	}
	return at.Before(checked)
}

// ownMove reports whether a move of accounts, or the change of registrant that comes with
// it, is one that this push ordered (the last sentence of the table I1–I8). A registrar
// that does not name the operation of a move is taken at its word on where the domain
// went; a change of registrant without one is nobody's order.
func ownMove(state State, line Line, report Report) bool {
	if report.OperationID != "" {
		return report.OperationID == MoveNo(state.ID, line.Domain) && !elsewhere(state, report) || ownReturn(state, line, report)
	}
	if line.Delivery == DeliveryNone || report.Kind != "account_moved" {
		return false
	}
	return report.To == "" || report.To == state.Buyer || report.To == state.Seller && state.Delivery == StageReturning
}

// known reports whether an event tells of what had happened when the offer was made, though
// it comes after: an order of an earlier push, or that the domain came to the seller's account.
func known(state State, report Report) bool {
	open := state.Status == StatusOffered || state.Status == StatusAccepted
	return report.Earlier || open && report.Kind == "account_moved" && report.To == state.Seller && !report.Asked
}

// Ordered reports whether an event is the echo of an order by which the push has moved a
// domain, there or back, and tells of nothing else.
func Ordered(state State, report Report) bool {
	line, held := state.Line(report.Domain)
	switch {
	case !held:
		return false
	case report.OperationID == MoveNo(state.ID, line.Domain):
		return !elsewhere(state, report)
	default:
		return ownReturn(state, line, report) && (report.To == "" || report.To == state.Seller)
	}
}

// IsEcho reports whether an event can be told to be nothing but the registrar's word on a
// move that a push has ordered from the push's id and buyer alone.
func IsEcho(pushID, buyer string, report Report) bool {
	if !invalidations[report.Kind].echo {
		return false
	}
	there := report.To == buyer || report.Kind == "registrant_changed" && report.To == ""
	return there && report.OperationID == MoveNo(pushID, report.Domain) || report.OperationID == ReturnNo(pushID, report.Domain, 0)
}

// ownReturn reports whether a move was one of those by which the domain was brought back.
func ownReturn(state State, line Line, report Report) bool {
	for retry := range line.Refusals + 1 {
		if report.OperationID == ReturnNo(state.ID, line.Domain, retry) {
			return true
		}
	}
	return false
}

// elsewhere reports whether the registrar says that a domain went to another than the buyer.
func elsewhere(state State, report Report) bool { return report.To != "" && report.To != state.Buyer }

// reversed reports whether the registrar takes back the very move by which this push has
// delivered a domain (fault F43). What the buyer does with its domain names other moves.
func reversed(state State, line Line, report Report) bool {
	return report.Kind == "account_moved" && report.OperationID == MoveNo(state.ID, line.Domain) && elsewhere(state, report) &&
		state.Delivery == StageDelivered && line.ReversedTo == ""
}
