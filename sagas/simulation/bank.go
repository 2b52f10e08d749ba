package simulation

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

// lag is how long after its end an order may still become a trade, and a trade still be paid:
// the buyer has begun before.
const lag = 30 * time.Second

// bank is the provider's own books: what really moved.
type bank struct {
	w       *world
	trades  map[string]*trade
	numbers []string // of the trades, oldest first
	ofPush  map[string][]*trade
	payouts map[string]payment.Payout
	outs    map[string][]payment.Payout // by push
	fees    map[string]money.Fen        // taken, by number
	refused map[string]bool             // numbers of refunds and payouts that were refused
	failed  map[string]payment.Payout   // payouts of which the bank itself says that they have failed, by number
	// underway are orders of payouts that nobody waits for any more and that still arrive.
	underway []payment.Payout
	own      money.Fen       // of the merchant, beside what has come in and not gone out
	flow     money.Fen       // which is this
	notices  []payment.Trade // notifications that are still to be delivered
	sent     []payment.Trade // of which some come again
}

type trade struct {
	payment.Trade
	payBy    time.Time
	funding  funding
	untold   []string             // the sources, as long as they are not told
	toldFrom time.Time            // when they are; zero: never
	refunds  map[string]money.Fen // by request number
	refunded money.Fen
	kept     string // number of the merchant for whom the money is kept; empty: it is the platform's
	paidIn   int    // operation in which it was paid
}

// funding is what the bank knows of the sources of a trade, whatever it tells of them.
type funding int

const (
	own      funding = iota // the buyer's own money
	credit                  // lent
	odd                     // from a channel that is none of either
	merchant                // partly given by the merchant
)

// fundings are how a buyer may pay.
var fundings = map[funding][]string{
	own: {"ALIPAYACCOUNT"}, credit: {"PCREDIT"}, odd: {"ALIPAYACCOUNT", "TMARKETING"}, merchant: {"ALIPAYACCOUNT", "MCOUPON"},
}

// coupon is what a merchant gives to a trade.
const coupon = money.Fen(1)

func newBank(w *world) *bank {
	return &bank{
		w: w, trades: make(map[string]*trade), ofPush: make(map[string][]*trade), payouts: make(map[string]payment.Payout),
		outs: make(map[string][]payment.Payout), fees: make(map[string]money.Fen), refused: make(map[string]bool),
		failed: make(map[string]payment.Payout), own: plenty,
	}
}

// page is the address on which an order is paid; it holds the whole order.
func page(order payment.Order) string {
	return strings.Join([]string{
		"page", order.TradeNo, order.PushID, strconv.FormatInt(int64(order.Amount), 10), strconv.FormatInt(order.PayBy.UnixNano(), 10), order.Merchant,
	}, "|")
}

// read reads the order in the address of its page.
func (b *bank) read(address string) (number, pushID string, amount money.Fen, payBy time.Time, kept string) {
	fields := strings.Split(address, "|")
	fen, err := strconv.ParseInt(fields[3], 10, 64)
	b.w.check(err)
	until, err := strconv.ParseInt(fields[4], 10, 64)
	b.w.check(err)
	return fields[1], fields[2], money.Fen(fen), time.Unix(0, until).UTC(), fields[5]
}

// open shows a page to whoever asks for it, which makes no trade.
func (b *bank) open(address string) error {
	if _, _, _, payBy, _ := b.read(address); !b.w.now.Before(payBy) {
		return errExpired
	}
	return nil
}

var errExpired = errors.New("simulation: a page that says that the order has expired")

// signIn has the buyer sign in on a page: the trade is known from then on. It returns nil if
// the order is over.
func (b *bank) signIn(address string) *trade {
	number, pushID, amount, payBy, kept := b.read(address)
	if known, exists := b.trades[number]; exists {
		return known
	}
	if b.w.now.After(payBy.Add(lag)) {
		return nil
	}
	b.w.tracef("the buyer of %s signs in", pushID)
	return b.add(number, pushID, amount, payBy, kept)
}

func (b *bank) add(number, pushID string, amount money.Fen, payBy time.Time, kept string) *trade {
	known := &trade{
		Trade: payment.Trade{TradeNo: number, ProviderTradeNo: "2026" + number, PushID: pushID, State: payment.TradeWaiting, Amount: amount},
		payBy: payBy, kept: kept, refunds: make(map[string]money.Fen),
	}
	b.trades[number] = known
	b.numbers = append(b.numbers, number)
	b.ofPush[pushID] = append(b.ofPush[pushID], known)
	return known
}

// sources is how a trade is paid: from what, and when that is told.
type sources struct {
	funding  funding
	silent   bool
	toldFrom time.Time // of silent ones; zero: never
}

// pay takes money for a trade, if it may still be paid.
func (b *bank) pay(known *trade, amount money.Fen, from sources) bool {
	if known.State != payment.TradeWaiting || b.w.now.After(known.payBy.Add(lag)) {
		return false
	}
	known.State, known.Amount, known.Channels = payment.TradePaid, amount, fundings[from.funding]
	known.Payer, known.funding = push.Payer{UserID: "2088"}, from.funding
	if from.funding == merchant {
		known.Received, known.BuyerPaid = amount-coupon, amount-coupon
	}
	if from.silent {
		known.untold, known.Channels, known.toldFrom = known.Channels, nil, from.toldFrom
	}
	b.flow += known.incoming() - known.incoming()/share
	known.PaidAt, known.paidIn = b.w.now.Truncate(time.Second), b.w.at
	b.w.tracef("the buyer pays %s for %s over %s, silent %t, trade %.6s", amount, known.PushID, fundings[from.funding], from.silent, known.TradeNo)
	return true
}

// incoming is how much of a trade reaches the merchant.
func (t *trade) incoming() money.Fen {
	if t.Received > 0 {
		return t.Received
	}
	return t.Amount
}

// close makes sure that a trade is never paid any more.
func (b *bank) close(number string) error {
	known, exists := b.trades[number]
	switch {
	case !exists:
		return payment.ErrTradeNotFound
	case known.State == payment.TradePaid || !known.PaidAt.IsZero():
		return payment.ErrTradePaid
	}
	known.State = payment.TradeClosed
	return nil
}

func (b *bank) query(number string) (payment.Trade, error) {
	known, exists := b.trades[number]
	if !exists {
		return payment.Trade{}, payment.ErrTradeNotFound
	}
	if known.untold != nil && !known.toldFrom.IsZero() && !b.w.now.Before(known.toldFrom) {
		known.Channels, known.untold = known.untold, nil
	}
	answer := known.Trade
	answer.PushID = ""
	return answer, nil
}

// refund gives back whatever is asked under a new number: to ask for no more than was
// paid is the saga's part (F44).
func (b *bank) refund(asked payment.Refund) {
	known, exists := b.trades[asked.TradeNo]
	if !exists || known.PaidAt.IsZero() {
		b.w.violate(refundWithoutPay, "refund %s of trade %s, which nobody paid", asked.RequestNo, asked.TradeNo)
		return
	}
	if before, is := known.refunds[asked.RequestNo]; is {
		if before != asked.Amount {
			b.w.violate(oneNumber, "refund %s is %s, then %s", asked.RequestNo, before, asked.Amount)
		}
		return
	}
	known.refunds[asked.RequestNo] = asked.Amount
	known.refunded += asked.Amount
	b.flow -= asked.Amount
	b.w.tracef("the provider refunds %s of trade %.6s", asked.Amount, asked.TradeNo)
	if known.refunded >= known.incoming() {
		known.State = payment.TradeClosed
		b.notices = append(b.notices, known.Trade)
	}
}

// payOut pays whatever is asked under a new number.
func (b *bank) payOut(asked payment.Payout) {
	if before, is := b.payouts[asked.PayoutNo]; is {
		if before.Amount != asked.Amount || before.PushID != asked.PushID {
			b.w.violate(oneNumber, "payout %s is %s, then %s", asked.PayoutNo, before.Amount, asked.Amount)
		}
		return
	}
	b.payouts[asked.PayoutNo] = asked
	b.flow -= asked.Amount
	b.outs[asked.PushID] = append(b.outs[asked.PushID], asked)
	b.w.tracef("the provider pays %s to %s", asked.Amount, asked.Account)
}

// notify has the merchant told of a trade; how often, the fault decides.
func (b *bank) notify(known *trade, times int) {
	for range times {
		b.notices = append(b.notices, known.Trade)
	}
}

// delivered takes a notification off the list of those to be delivered.
func (b *bank) delivered(i int) {
	b.sent = append(b.sent, b.notices[i])
	b.notices = slices.Delete(b.notices, i, i+1)
}

// moved reports whether money has moved under a number.
func (b *bank) moved(number string) bool {
	if _, is := b.payouts[number]; is {
		return true
	}
	for _, known := range b.trades {
		if _, is := known.refunds[number]; is {
			return true
		}
	}
	return false
}
