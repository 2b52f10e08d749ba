package bill

import (
	"cmp"
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

// border is how far the ledger's clock may be from Alipay's when both note a movement: a
// line of the journal so close to an end of the period may be on the bill beyond it.
const border = 15 * time.Minute

// Line is a movement of money at the provider as the journal has it.
type Line struct {
	Kind      Kind
	Number    string // as in Movement
	RequestNo string // of a refund
	PushID    string
	Seq       uint64 // of the event
	Amount    money.Fen
	At        time.Time // when it was recorded
}

// Difference is something on which journal and bill disagree.
type Difference struct {
	Kind       string    `json:"kind"` // one of the codes below
	What       Kind      `json:"what"`
	Number     string    `json:"number"`
	RequestNo  string    `json:"request_no,omitzero"`
	ProviderNo string    `json:"provider_no,omitzero"`
	PushID     string    `json:"push_id,omitzero"` // empty if the journal does not know it
	Seq        uint64    `json:"seq,omitzero"`     // likewise
	Line       int       `json:"line,omitzero"`    // of the bill; 0 if it is not on it
	Journal    money.Fen `json:"journal"`
	Bill       money.Fen `json:"bill"`
}

// The kinds of a Difference.
const (
	Missing       = "missing"        // a payment in the journal that is not on the bill
	RefundMissing = "refund_missing" // likewise a refund
	PayoutMissing = "payout_missing" // likewise a payout
	Extra         = "extra"          // on the bill, but not, or not as often, in the journal
	WrongAmount   = "wrong_amount"   // in both, with different amounts
)

// Compare lists the differences between a whole journal and bills, which are taken
// together, in the order of the bills and then of the journal. A line of the journal is
// missing only if a bill covers its time, well away from an end of what the bills cover
// together; to check the ends, give the neighbouring bills as well.
func Compare(journal []Line, bills ...Bill) []Difference {
	open := make(map[key][]Line)
	for _, line := range journal {
		open[keyOf(line.Kind, line.Number)] = append(open[keyOf(line.Kind, line.Number)], line)
	}
	var differences []Difference
	for _, bill := range bills {
		for _, movement := range bill.Movements {
			at := keyOf(movement.Kind, movement.Number)
			line, rest, found := take(open[at], movement)
			open[at] = rest
			if difference, differs := differ(line, found, movement); differs {
				differences = append(differences, difference)
			}
		}
	}
	spans := join(bills)
	for _, left := range open {
		for _, line := range left {
			if covered(line, spans) {
				differences = append(differences, Difference{
					Kind: missing[line.Kind], What: line.Kind, Number: line.Number, RequestNo: line.RequestNo,
					PushID: line.PushID, Seq: line.Seq, Journal: line.Amount,
				})
			}
		}
	}
	slices.SortStableFunc(differences, func(a, b Difference) int { return cmp.Compare(a.Seq*flag(a), b.Seq*flag(b)) })
	return differences
}

// flag is 1 for what is on no bill, so that it is sorted by its sequence after the rest.
func flag(difference Difference) uint64 {
	if difference.Line > 0 {
		return 0
	}
	return 1
}

var missing = map[Kind]string{Payment: Missing, Refund: RefundMissing, Payout: PayoutMissing}

// key is by what a movement is found. A trade of this ledger is refunded at most once, so
// the trade's number finds its refund on bills that do not name the request.
type key struct {
	kind   Kind
	number string
}

func keyOf(kind Kind, number string) key { return key{kind, number} }

// take finds the line of a movement: by the request number if both have one, and rather
// one of the same amount.
func take(lines []Line, movement Movement) (Line, []Line, bool) {
	best, score := -1, 0
	for i, line := range lines {
		points := 1
		if movement.RequestNo != "" && line.RequestNo != movement.RequestNo {
			continue
		}
		if line.Amount == movement.Amount {
			points = 2
		}
		if points > score {
			best, score = i, points
		}
	}
	if best < 0 {
		return Line{}, lines, false
	}
	return lines[best], slices.Delete(slices.Clone(lines), best, best+1), true
}

func differ(line Line, found bool, movement Movement) (Difference, bool) {
	if found && line.Amount == movement.Amount {
		return Difference{}, false
	}
	difference := Difference{
		Kind: Extra, What: movement.Kind, Number: movement.Number, RequestNo: movement.RequestNo,
		ProviderNo: movement.ProviderNo, Line: movement.Line, Bill: movement.Amount,
	}
	if found {
		difference.Kind, difference.PushID, difference.Seq, difference.Journal = WrongAmount, line.PushID, line.Seq, line.Amount
	}
	return difference, true
}

// span is a stretch of time that bills cover without a gap.
type span struct {
	from, to time.Time // both zero: all time
	payouts  bool
}

// join finds what the bills cover, for payouts and for the rest.
func join(bills []Bill) []span {
	var spans []span
	for _, payouts := range []bool{false, true} {
		var covered []span
		for _, bill := range bills {
			if bill.Payouts || !payouts {
				covered = append(covered, span{bill.From, bill.To, payouts})
			}
		}
		slices.SortFunc(covered, func(a, b span) int { return a.from.Compare(b.from) })
		for _, next := range covered {
			last := len(spans) - 1
			if last >= 0 && spans[last].payouts == payouts && !spans[last].to.IsZero() && !next.from.After(spans[last].to) {
				if next.to.After(spans[last].to) {
					spans[last].to = next.to
				}
				continue
			}
			spans = append(spans, next)
		}
	}
	return spans
}

func covered(line Line, spans []span) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		switch {
		case s.payouts != (line.Kind == Payout):
			return false
		case s.to.IsZero():
			return true
		default:
			return !line.At.Before(s.from.Add(border)) && line.At.Before(s.to.Add(-border))
		}
	})
}
