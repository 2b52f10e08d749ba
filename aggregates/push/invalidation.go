package push

import (
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
}

// invalidations is the table of the registrar's events that end a push.
var invalidations = map[string]struct{ rule, code string }{
	"deleted":              {"I1", CodeDomainGone},
	"transferred_out":      {"I1", CodeDomainGone},
	"transfer_out_started": {"I1", CodeDomainGone},
	"account_moved":        {"I2", CodeAccountMoved},
	"registrant_changed":   {"I3", CodeRegistrantChanged},
	"blacklisted":          {"I4", CodeBlacklisted},
	"account_move_locked":  {"I4", CodeAccountMoveLocked},
	"auth_code_issued":     {"I6", CodeAuthCodeIssued},
	"policy_violation":     {"I7", CodePolicyViolation},
}

// KnownKind reports whether the registrar's event kind is one of the table I1–I7.
func KnownKind(kind string) bool {
	_, known := invalidations[kind]
	return known
}

// DecideReport decides what an event of the registrar does to the push that holds its
// domain, or held it last. It does nothing if the event is older than the facts on which
// the push was published, if it is the echo of a move that this push ordered, or if the
// push has been delivered or has ended; but that a delivery was taken back is noted for
// a person whenever that happens.
func DecideReport(state State, report Report, now time.Time) []Event {
	row, known := invalidations[report.Kind]
	line, held := state.line(report.Domain)
	switch {
	case !known || !held || stale(report.At, state.CheckedAt):
		return nil
	case reversed(state, line, report):
		return []Event{MoveReversed{At: now, Domain: report.Domain, EventID: report.EventID, To: report.To}}
	case report.Kind == "account_moved" && ownMove(state, line, report):
		return nil
	}
	return Invalidate(state, Trigger{
		Code: row.code, Domain: report.Domain,
		Cause: Cause{Kind: CauseRegistrarEvent, EventID: report.EventID, Detail: report.Kind},
	}, now)
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

// ownMove reports whether a move of accounts is one that this push ordered (the last
// sentence of the table I1–I8). A registrar that does not name the operation is
// taken at its word on where the domain went.
func ownMove(state State, line Line, report Report) bool {
	if report.OperationID != "" {
		return report.OperationID == MoveNo(state.ID, line.Domain) && !elsewhere(state, report) || ownReturn(state, line, report)
	}
	if line.Delivery == DeliveryNone {
		return false
	}
	return report.To == "" || report.To == state.Buyer || report.To == state.Seller && state.Delivery == StageReturning
}

// IsEcho reports whether an event can be told to be nothing but the registrar's word on a
// move that a push has ordered from the push's id and buyer alone.
func IsEcho(pushID, buyer string, report Report) bool {
	return report.Kind == "account_moved" && report.To == buyer && report.OperationID == MoveNo(pushID, report.Domain) ||
		report.Kind == "account_moved" && report.OperationID == ReturnNo(pushID, report.Domain, 0)
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
