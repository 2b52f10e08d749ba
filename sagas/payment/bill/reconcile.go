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
	Kind      Kind   // Payment, Refund, Payout, Royalty, Fee or FeeBack
	Number    string // as in Movement; of fees the day, "2006-01-02"
	RequestNo string // of a refund
	PushID    string
	Seq       uint64 // of the event
	Amount    money.Fen
	At        time.Time // when it was recorded
}

// Difference is something on which journal and bill disagree.
type Difference struct {
	Kind       string    `json:"kind"`              // one of the codes below
	Bill       string    `json:"bill_type"`         // trade or signcustomer: the bill it was found with
	What       Kind      `json:"what"`              // of an unrelated row: income or expense
	Business   string    `json:"business,omitzero"` // what the bill calls it
	Number     string    `json:"number"`
	RequestNo  string    `json:"request_no,omitzero"`
	ProviderNo string    `json:"provider_no,omitzero"`
	PushID     string    `json:"push_id,omitzero"` // empty if the journal does not know it
	Seq        uint64    `json:"seq,omitzero"`     // likewise
	Line       int       `json:"line,omitzero"`    // of the bill; 0 if it is not on it
	Journal    money.Fen `json:"journal"`
	OnBill     money.Fen `json:"bill"`           // what came in or went out
	Order      money.Fen `json:"order,omitzero"` // what the order was over, if that is more than came in
}

// The kinds of a Difference.
const (
	Missing       = "missing"        // a payment or a royalty in the journal that is not on the bill
	RefundMissing = "refund_missing" // likewise a refund
	PayoutMissing = "payout_missing" // likewise a payout
	Extra         = "extra"          // on the bill, but not, or not as often, in the journal
	WrongAmount   = "wrong_amount"   // in both, with different amounts
	// Unrelated is a row of 账务明细 whose numbers the journal does not know: money of the
	// merchant that the ledger did not move.
	Unrelated = "unrelated"
)

// The types of bills, in Alipay's words.
const (
	TypeTrade   = "trade"        // 业务明细
	TypeAccount = "signcustomer" // 账务明细
)

// Type is how Alipay calls the type of a bill.
func (b Bill) Type() string {
	if b.Payouts {
		return TypeAccount
	}
	return TypeTrade
}

// Compare lists the differences between a whole journal and bills. Those of one type are
// taken together, so that each movement stands on one of them; the journal is held against
// either type by itself. Differences are in the order of the bills and then of the journal.
// A line of the journal is missing only if a bill covers its time, well away from an end of
// what the bills cover together; to check the ends, give the neighbouring bills as well.
func Compare(journal []Line, bills ...Bill) []Difference {
	var differences []Difference
	for _, kind := range []string{TypeTrade, TypeAccount} {
		var same []Bill
		for _, bill := range bills {
			if bill.Type() == kind {
				same = append(same, bill)
			}
		}
		if len(same) > 0 {
			differences = append(differences, compareType(kind, journal, same)...)
		}
	}
	return differences
}

// compareType holds the journal against bills of one type.
func compareType(kind string, journal []Line, bills []Bill) []Difference {
	open := newLines(journal)
	var differences []Difference
	for _, bill := range bills {
		for _, movement := range bill.Movements {
			if difference, differs := open.settle(movement); differs {
				differences = append(differences, difference)
			}
		}
	}
	left := open.missing(join(bills), kind == TypeAccount)
	left = append(left, compareFees(journal, bills)...)
	slices.SortStableFunc(left, func(a, b Difference) int { return cmp.Compare(a.Seq, b.Seq) })
	differences = append(differences, left...)
	for i := range differences {
		differences[i].Bill = kind
	}
	return differences
}

// key is by what a movement is found. A trade of this ledger is refunded at most once, so
// the trade's number finds its refund on bills that do not name the request.
type key struct {
	kind   Kind
	number string
}

// lines of the journal that no row of a bill has accounted for yet.
type lines struct {
	open  map[key][]Line
	known map[string]bool   // every number of the journal
	trade map[string]string // of a refund's request number
}

func newLines(journal []Line) lines {
	l := lines{open: make(map[key][]Line), known: make(map[string]bool), trade: make(map[string]string)}
	for _, line := range journal {
		l.open[key{line.Kind, line.Number}] = append(l.open[key{line.Kind, line.Number}], line)
		l.known[line.Number] = true
		if line.RequestNo != "" {
			l.known[line.RequestNo], l.trade[line.RequestNo] = true, line.Number
		}
	}
	return l
}

// kinds of lines that a row can be.
var kinds = map[Kind][]Kind{Payment: {Payment}, Refund: {Refund}, Income: {Payment, Royalty}, Expense: {Refund, Payout}}

// settle finds the line of a row, by number and direction and whatever its business is
// called, and says in what they differ.
func (l lines) settle(movement Movement) (Difference, bool) {
	numbers := []string{movement.Number}
	if movement.Kind == Income || movement.Kind == Expense { // older bills have ours in the other column
		numbers = append(numbers, movement.ProviderNo)
	}
	difference := Difference{
		Kind: Extra, What: movement.Kind, Business: movement.Business, Number: movement.Number, RequestNo: movement.RequestNo,
		ProviderNo: movement.ProviderNo, Line: movement.Line, OnBill: movement.Amount,
	}
	if movement.Order > movement.Amount {
		difference.Order = movement.Order
	}
	for _, number := range numbers {
		if trade, is := l.trade[number]; is { // a bill may have the request in the place of the trade
			number, movement.RequestNo = trade, number
		}
		for _, kind := range kinds[movement.Kind] {
			line, rest, found := take(l.open[key{kind, number}], movement)
			if !found {
				continue
			}
			l.open[key{kind, number}] = rest
			difference.Kind, difference.What, difference.Number = WrongAmount, kind, number
			difference.PushID, difference.Seq, difference.Journal = line.PushID, line.Seq, line.Amount
			return difference, line.Amount != movement.Amount
		}
	}
	if len(numbers) > 1 && !l.known[numbers[0]] && !l.known[numbers[1]] {
		difference.Kind = Unrelated
	}
	return difference, true
}

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

var missing = map[Kind]string{Payment: Missing, Refund: RefundMissing, Payout: PayoutMissing, Royalty: Missing}

// missing are the lines that are left although a bill covers them. Payouts and royalties
// stand on the bill of the account alone.
func (l lines) missing(spans []span, account bool) []Difference {
	var differences []Difference
	for _, left := range l.open {
		for _, line := range left {
			code, moves := missing[line.Kind]
			if !moves || (line.Kind == Payout || line.Kind == Royalty) && !account || !covered(line, spans) {
				continue
			}
			differences = append(differences, Difference{
				Kind: code, What: line.Kind, Number: line.Number, RequestNo: line.RequestNo,
				PushID: line.PushID, Seq: line.Seq, Journal: line.Amount,
			})
		}
	}
	return differences
}

// compareFees holds the fees that were booked for a day against the bill that covers it.
// A day of which nothing was booked is no difference: that is done by the daily
// reconciliation alone.
func compareFees(journal []Line, bills []Bill) []Difference {
	booked := make(map[string]Fees)
	seqs := make(map[string]uint64)
	for _, line := range journal {
		day := booked[line.Number]
		switch line.Kind {
		case Fee:
			day.Charged += line.Amount
		case FeeBack:
			day.Back += line.Amount
		default:
			continue
		}
		booked[line.Number], seqs[line.Number] = day, line.Seq
	}
	var differences []Difference
	for day, was := range booked {
		now, covered := feesOf(day, bills)
		if !covered {
			continue
		}
		for _, one := range []struct {
			what          Kind
			journal, bill money.Fen
		}{{Fee, was.Charged, now.Charged}, {FeeBack, was.Back, now.Back}} {
			if one.journal != one.bill {
				differences = append(differences, Difference{
					Kind: WrongAmount, What: one.what, Number: day, Seq: seqs[day], Journal: one.journal, OnBill: one.bill,
				})
			}
		}
	}
	return differences
}

// feesOf are the fees of a day, if one of the bills covers the whole of it.
func feesOf(day string, bills []Bill) (charged Fees, covered bool) {
	for _, bill := range bills {
		begin, err := time.ParseInLocation(time.DateOnly, day, Zone)
		if err != nil || !bill.Payouts || begin.Before(bill.From) || begin.AddDate(0, 0, 1).After(bill.To) {
			continue
		}
		charged.Charged, charged.Back, covered = charged.Charged+bill.Fees[day].Charged, charged.Back+bill.Fees[day].Back, true
	}
	return charged, covered
}

// span is a stretch of time that bills cover without a gap.
type span struct{ from, to time.Time }

// join finds what the bills cover.
func join(bills []Bill) []span {
	sorted := slices.Clone(bills)
	slices.SortFunc(sorted, func(a, b Bill) int { return a.From.Compare(b.From) })
	var spans []span
	for _, next := range sorted {
		last := len(spans) - 1
		if last >= 0 && !next.From.After(spans[last].to) {
			if next.To.After(spans[last].to) {
				spans[last].to = next.To
			}
			continue
		}
		spans = append(spans, span{next.From, next.To})
	}
	return spans
}

func covered(line Line, spans []span) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		return !line.At.Before(s.from.Add(border)) && line.At.Before(s.to.Add(-border))
	})
}

// After prepares a journal and the bills of a day for Compare where the bills of the day
// before are known: what those account for is taken out, and what was recorded about
// midnight and stands on neither is missing, because the bills of the day cover it then.
// The journal goes on a little before the day. What stands about the next midnight is for
// the next day.
func After(journal []Line, before, bills []Bill) ([]Line, []Bill) {
	settled := make(map[Line]int) // how many of the types of bills have accounted for a line
	for _, kind := range []string{TypeTrade, TypeAccount} {
		open := newLines(journal)
		for _, one := range before {
			for _, movement := range one.Movements {
				if one.Type() == kind {
					open.settle(movement)
				}
			}
		}
		left := make(map[Line]int)
		for _, lines := range open.open {
			for _, line := range lines {
				left[line]++
			}
		}
		for _, line := range journal {
			if left[line] > 0 {
				left[line]--
			} else {
				settled[line]++
			}
		}
	}
	var rest []Line
	for _, line := range journal {
		if settled[line] == 0 {
			rest = append(rest, line)
		}
	}
	earlier := slices.Clone(bills)
	for i := range earlier {
		earlier[i].From = earlier[i].From.Add(-2 * border)
	}
	return rest, earlier
}
