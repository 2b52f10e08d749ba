package reconciliation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment/bill"
	"github.com/pushledger/pushledger/sagas/reconciliation"
)

// office is a provider with bills, a journal and a clock, as a test says.
type office struct {
	*reconciliation.Saga
	now     time.Time
	bills   map[string]string // CSV by type and day
	fails   error
	asked   []string
	journal []bill.Line
	log     eventstore.Store
	said    bytes.Buffer
	mu      sync.Mutex // of bills and asked
}

func at(text string) time.Time {
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, bill.Zone)
	if err != nil {
		panic(err)
	}
	return moment.UTC()
}

func newOffice(now string) *office {
	o := &office{now: at(now), bills: make(map[string]string)}
	o.log = memory.New(eventstore.NewRegistry(catalog.Events()...), func() time.Time { return o.now })
	o.Saga = o.opened()
	return o
}

// opened is the saga of another process on the same log.
func (o *office) opened() *reconciliation.Saga {
	return reconciliation.New(reconciliation.Config{
		Bills: o, Recorder: ledger.New(o.log), At: 10*time.Hour + 30*time.Minute, Now: func() time.Time { return o.now },
		Logger: slog.New(slog.NewTextHandler(&o.said, nil)),
		Journal: func(_ context.Context, from time.Time) ([]bill.Line, error) {
			var since []bill.Line
			for _, line := range o.journal {
				if !line.At.Before(from) {
					since = append(since, line)
				}
			}
			return since, nil
		},
	})
}

// Bill implements reconciliation.Bills.
func (o *office) Bill(_ context.Context, kind, day string) ([]bill.Bill, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, day+" "+kind)
	text, is := o.bills[kind+" "+day]
	switch {
	case o.fails != nil:
		return nil, o.fails
	case !is:
		return nil, bill.ErrNotThere
	}
	return bill.Read(strings.NewReader(text))
}

// paid lets a payment stand in the journal, and on the bills of a day if there is one.
func (o *office) paid(number string, amount money.Fen, recorded, onBill string) {
	o.journal = append(o.journal, bill.Line{
		Kind: bill.Payment, Number: number, PushID: "push-" + number, Seq: uint64(len(o.journal) + 1), Amount: amount, At: at(recorded), // #nosec G115
	})
	if onBill != "" {
		o.onBill(number, amount, onBill)
	}
}

const (
	tradeHead   = "支付宝交易号,商户订单号,业务类型,完成时间,订单金额（元）,退款批次号/请求号\n"
	accountHead = "业务流水号,商户订单号,发生时间,收入金额（+元）,支出金额（-元）,业务类型\n"
)

func (o *office) onBill(number string, amount money.Fen, moment string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	day := moment[:len(time.DateOnly)]
	period := fmt.Sprintf("#起始日期:[%s] 终止日期:[%s]\n", day, day)
	for kind, head := range map[string]string{bill.TypeTrade: tradeHead, bill.TypeAccount: accountHead} {
		if o.bills[kind+" "+day] == "" {
			o.bills[kind+" "+day] = period + head
		}
	}
	o.bills[bill.TypeTrade+" "+day] += fmt.Sprintf("2026%s,%s,交易,%s:00,%s,\n", number, number, moment, amount)
	o.bills[bill.TypeAccount+" "+day] += fmt.Sprintf("2026%s,%s,%s:00,%s,,在线支付\n", number, number, moment, amount)
	if fee := amount / 100; fee > 0 {
		o.bills[bill.TypeAccount+" "+day] += fmt.Sprintf("2026%s,%s,%s:00,,-%s,收费\n", number, number, moment, fee)
	}
}

// days are what is recorded, by day.
func (o *office) days(t *testing.T) map[string]daybill.Reconciled {
	t.Helper()
	recorded := make(map[string]daybill.Reconciled)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := o.log.Follow(ctx, 0, func(event eventstore.Recorded) error {
		reconciled := event.Event.(daybill.Reconciled)
		require.NotContains(t, recorded, reconciled.Day, "a day is recorded once")
		require.Equal(t, ledger.BillStream(reconciled.Day), event.Stream)
		recorded[reconciled.Day] = reconciled
		return nil
	}, cancel)
	require.ErrorIs(t, err, context.Canceled)
	return recorded
}

func TestADayIsReconciledAndItsFeesAreRecordedOnce(t *testing.T) {
	o := newOffice("2026-11-03 10:30")
	o.paid("T1", 100_00, "2026-11-02 12:00", "2026-11-02 12:00")
	o.paid("T2", 50_00, "2026-11-02 13:00", "2026-11-02 13:00")
	require.Zero(t, o.Look(t.Context()))
	days := o.days(t)
	require.Len(t, days, 1)
	found := days["2026-11-02"]
	require.Equal(t, daybill.Found{Day: "2026-11-02", Fees: 1_50, Payments: 2, Expenses: 0, Digest: found.Digest}, found.Found)
	require.Equal(t, reconciliation.Result{LastDay: at("2026-11-02 00:00").In(bill.Zone), Success: o.now}, o.Result())

	o.now = o.now.Add(time.Hour)
	require.Zero(t, o.opened().Look(t.Context()), "another process")
	require.Equal(t, days, o.days(t))
}

func TestDaysThatWereMissedAreMadeUpFor(t *testing.T) {
	o := newOffice("2026-11-09 11:00")
	for day := 1; day <= 9; day++ {
		moment := fmt.Sprintf("2026-11-%02d 12:00", day)
		o.paid(fmt.Sprint("T", day), 100_00, moment, moment)
	}
	require.Zero(t, o.Look(t.Context()))
	days := o.days(t)
	require.Len(t, days, 7)
	require.NotContains(t, days, "2026-11-01", "longer ago than it looks back")
	require.NotContains(t, days, "2026-11-09", "not over yet")
	require.Len(t, o.asked, 16, "no bill is fetched twice, and that of the day before the first is")
}

// Before its time the bill of a day is not asked for.
func TestBeforeItsTimeADayIsNotDue(t *testing.T) {
	o := newOffice("2026-11-03 10:29")
	o.paid("T1", 100_00, "2026-11-02 12:00", "2026-11-02 12:00")
	require.Zero(t, o.Look(t.Context()))
	require.Empty(t, o.days(t))
	require.NotContains(t, o.asked, "2026-11-02 trade")
}

func TestEveryDifferenceIsCountedAndSaid(t *testing.T) {
	o := newOffice("2026-11-03 10:30")
	o.paid("T1", 100_00, "2026-11-02 12:00", "2026-11-02 12:00")
	o.paid("T2", 50_00, "2026-11-02 13:00", "") // on no bill
	o.onBill("T3", 30_00, "2026-11-02 14:00")   // in no journal
	o.paid("T4", 1, "2026-11-02 15:00", "")     // on no bill with this amount
	o.onBill("T4", 2, "2026-11-02 15:00")
	require.Zero(t, o.Look(t.Context()))
	require.Equal(t, 6, o.Result().Differences, "each on both bills")
	require.Equal(t, 6, o.days(t)["2026-11-02"].Differences)
	for _, kind := range []string{"kind=missing", "kind=extra", "kind=unrelated", "kind=wrong_amount"} {
		require.Contains(t, o.said.String(), kind)
	}
	o.onBill("T2", 50_00, "2026-11-02 13:00")
	require.Zero(t, o.Look(t.Context()))
	require.Equal(t, 4+1, o.Result().Differences, "what is there by now, and that the bill has changed")
	require.Contains(t, o.said.String(), "A BILL HAS CHANGED")
	require.Equal(t, 6, o.days(t)["2026-11-02"].Differences)
}

// Fault: there is no bill although money has moved. It is waited for.
func TestABillThatIsNotThereIsWaitedFor(t *testing.T) {
	o := newOffice("2026-11-03 10:30")
	o.paid("T1", 100_00, "2026-11-02 12:00", "")
	require.Equal(t, 1, o.Look(t.Context()))
	require.Equal(t, reconciliation.Result{Waiting: 1, LastDay: at("2026-11-01 00:00").In(bill.Zone)}, o.Result())
	require.Empty(t, o.days(t))
	o.onBill("T1", 100_00, "2026-11-02 12:00")
	require.Zero(t, o.Look(t.Context()))
	require.Len(t, o.days(t), 1)
}

func TestADayWithoutMovementsNeedsNoBill(t *testing.T) {
	o := newOffice("2026-11-03 10:30")
	require.Zero(t, o.Look(t.Context()))
	require.Empty(t, o.days(t))
	require.Equal(t, o.now, o.Result().Success)
}

func TestAlipayIsAwayForAWhile(t *testing.T) {
	o := newOffice("2026-11-03 10:30")
	o.paid("T1", 100_00, "2026-11-02 12:00", "2026-11-02 12:00")
	o.fails = errors.New("outcome unknown")
	require.Equal(t, 7, o.Look(t.Context()))
	require.Zero(t, o.Result().Success)
	o.fails = nil
	require.Zero(t, o.Look(t.Context()))
	require.Len(t, o.days(t), 1)
}

// What is recorded about midnight may stand on the bill of either day, but not on none.
func TestNothingIsLostAboutMidnight(t *testing.T) {
	o := newOffice("2026-11-04 10:30")
	o.paid("T1", 100_00, "2026-11-03 00:01", "2026-11-02 23:59")
	o.paid("T2", 100_00, "2026-11-02 23:59", "2026-11-03 00:00")
	o.paid("T0", 1_00, "2026-11-03 12:00", "2026-11-03 12:00")
	require.Zero(t, o.Look(t.Context()))
	require.Zero(t, o.Result().Differences, o.said.String())
	for _, recorded := range []string{"2026-11-02 23:58", "2026-11-03 00:01"} {
		o := newOffice("2026-11-04 10:30")
		o.paid("T1", 100_00, "2026-11-02 12:00", "2026-11-02 12:00")
		o.paid("T0", 100_00, "2026-11-03 12:00", "2026-11-03 12:00")
		o.paid("T2", 100_00, recorded, "")
		require.Zero(t, o.Look(t.Context()))
		require.Equal(t, 2, o.Result().Differences, recorded)
	}
}

func TestItLooksAgainEveryDayAndSoonerIfADayWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice("2026-11-03 10:30")
		begun := time.Now()
		clock := func() time.Time { return at("2026-11-03 10:30").Add(time.Since(begun)) }
		var looks []time.Duration
		saga := reconciliation.New(reconciliation.Config{
			Bills: o, Recorder: ledger.New(o.log), At: 10*time.Hour + 30*time.Minute, Now: clock, Logger: slog.New(slog.DiscardHandler),
			Journal: func(context.Context, time.Time) ([]bill.Line, error) {
				if since := time.Since(begun); len(looks) == 0 || looks[len(looks)-1] != since {
					looks = append(looks, since)
				}
				return o.journal, nil
			},
		})
		o.paid("T1", 100_00, "2026-11-02 12:00", "")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- saga.Run(ctx) }()
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		o.onBill("T1", 100_00, "2026-11-02 12:00")
		time.Sleep(48 * time.Hour)
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Equal(t, []time.Duration{0, time.Hour, 2 * time.Hour, 24 * time.Hour, 48 * time.Hour}, looks)
	})
}
