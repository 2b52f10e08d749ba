package notices_test

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/notices"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// desk is a server on which notices are published.
type desk struct {
	ledger *pushestest.Fixture
	log    eventstore.Store // nil: the ledger's
	conn   *nats.Conn
	now    time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", SyncAlways: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	conn, err := server.Connect("notices", natsserver.Grant{Publish: []string{"push.notice.>", "$JS.API.>"}, Subscribe: []string{"_INBOX.>", "push.notice.>"}})
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return &desk{ledger: pushestest.Start(t), conn: conn, now: time.Now()}
}

// open starts to publish until the test ends or the function is called.
func (d *desk) open(t *testing.T) (*notices.Notices, func()) {
	t.Helper()
	opened := d.made(t)
	return opened, d.run(t, opened)
}

// made has not started to publish.
func (d *desk) made(t *testing.T) *notices.Notices {
	t.Helper()
	log := d.log
	if log == nil {
		log = d.ledger.Log
	}
	opened, err := notices.Open(t.Context(), d.conn, notices.Config{
		Log: log, Pushes: d.ledger.Queries, Now: func() time.Time { return d.now }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return opened
}

func (d *desk) run(t *testing.T, opened *notices.Notices) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- opened.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); require.NoError(t, <-ended) })
	t.Cleanup(stop)
	return stop
}

func (d *desk) stored(t *testing.T) uint64 {
	t.Helper()
	js, err := jetstream.New(d.conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), notices.StreamName)
	require.NoError(t, err)
	return stream.CachedInfo().State.Msgs
}

// settled waits until everything in the log has been told: a push that is offered last
// has been.
func (d *desk) settled(t *testing.T, of *notices.Notices) {
	t.Helper()
	id := "last-" + strconv.FormatUint(d.stored(t), 10)
	d.ledger.Show(t, id, pushestest.At(pushestest.Offered(id, "zed", "zoe"), 24*time.Hour*365*100))
	require.Eventually(t, func() bool {
		page, err := of.Page(t.Context(), pushes.Viewer{Account: "zoe"}, notices.Request{PushID: id})
		return err == nil && len(page.Notices) > 0
	}, time.Minute, 2*time.Millisecond)
}

func of(t *testing.T, from *notices.Notices, account string) (told []string) {
	t.Helper()
	page, err := from.Page(t.Context(), pushes.Viewer{Account: account}, notices.Request{})
	require.NoError(t, err)
	for _, kept := range page.Notices {
		text, err := json.Marshal(kept.Notice)
		require.NoError(t, err)
		var notice notices.Notice
		require.NoError(t, json.Unmarshal(text, &notice))
		told = append(told, notice.PushID+" "+notice.Type)
	}
	return told
}

func TestBothPartiesAreToldTheLifeOfAPushAndNobodyElse(t *testing.T) {
	d := newDesk(t)
	live, err := d.conn.SubscribeSync("push.notice.bo.>")
	require.NoError(t, err)
	opened, _ := d.open(t)
	offered := pushestest.At(pushestest.Offered("p-1", "anna", "bo", "alpha.com"), 24*time.Hour*365*100)
	d.ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Purchase(offered)...)...)
	d.settled(t, opened)

	want := []string{"p-1 Offered", "p-1 Accepted", "p-1 Paid", "p-1 Completed"}
	require.Equal(t, want, of(t, opened, "anna"))
	require.Equal(t, want, of(t, opened, "bo"))
	require.Empty(t, of(t, opened, "eve"))
	_, err = opened.Page(t.Context(), pushes.Viewer{Account: "eve"}, notices.Request{PushID: "p-1"})
	require.Equal(t, push.Refuse(push.CodePushNotFound, ""), err)
	message, err := live.NextMsgWithContext(t.Context())
	require.NoError(t, err)
	require.Equal(t, "push.notice.bo.p-1.Offered", message.Subject)
	page, err := opened.Page(t.Context(), pushes.Viewer{Account: "bo"}, notices.Request{Limit: 3})
	require.NoError(t, err)
	rest, err := opened.Page(t.Context(), pushes.Viewer{Account: "bo"}, notices.Request{After: page.After})
	require.NoError(t, err)
	require.Equal(t, []int{3, 1}, []int{len(page.Notices), len(rest.Notices)})
}

// Whoever knows a notice that there is not, because the stream was made anew, is told so and
// begins again: an empty page would have it miss everything up to that number.
func TestACursorBeyondTheNewestNoticeIsToldWhereTheEndIs(t *testing.T) {
	d := newDesk(t)
	opened, stop := d.open(t)
	for i := range 3 {
		id := "p-" + strconv.Itoa(i)
		d.ledger.Show(t, id, pushestest.At(pushestest.Offered(id, "anna", "bo"), 24*time.Hour*365*100))
	}
	d.settled(t, opened)
	bo, end := pushes.Viewer{Account: "bo"}, d.stored(t)
	after := func(of *notices.Notices, cursor uint64) (notices.Page, error) {
		return of.Page(t.Context(), bo, notices.Request{After: cursor})
	}
	page, err := after(opened, end)
	require.NoError(t, err, "the end itself is no mistake")
	require.Empty(t, page.Notices)
	require.Equal(t, end, page.After)
	refusedAt := func(of *notices.Notices, cursor, end uint64) {
		_, err := after(of, cursor)
		var refused *push.Refusal
		require.ErrorAs(t, err, &refused)
		require.Equal(t, pushes.CodeInvalidQuery, refused.Code)
		for _, said := range []string{refused.Message, refused.MessageZH} {
			require.Contains(t, said, strconv.FormatUint(cursor, 10))
			require.Contains(t, said, strconv.FormatUint(end, 10))
			require.Contains(t, said, "after")
		}
	}
	refusedAt(opened, end+1, end)
	refusedAt(opened, math.MaxUint64, end)
	stop()

	js, err := jetstream.New(d.conn)
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), notices.StreamName))
	opened, _ = d.open(t)
	d.ledger.Show(t, "p-new", pushestest.At(pushestest.Offered("p-new", "anna", "bo"), 24*time.Hour*365*100))
	d.settled(t, opened)
	cursor := 100 + d.stored(t)
	refusedAt(opened, cursor, d.stored(t))
	require.Contains(t, of(t, opened, "bo"), "p-new Offered", "it is not locked out")
}

func TestF42NothingIsToldAgainAfterARestartOrARebuild(t *testing.T) {
	d := newDesk(t)
	opened, stop := d.open(t)
	for i := range 20 {
		id := "p-" + strconv.Itoa(i)
		d.ledger.Record(t, id, pushestest.Offered(id, "anna", "bo"), push.Withdrawn{})
	}
	d.settled(t, opened)
	before := d.stored(t)
	stop()
	d.ledger.Runner.Rebuild()

	opened, _ = d.open(t)
	d.settled(t, opened)
	require.Equal(t, before+2, d.stored(t), "but for the one that was offered since")
}

// The stream answers to the last of many notices alone; those that it did not take in
// are missed all the same.
func TestWhatTheStreamDoesNotTakeInIsPublishedAgain(t *testing.T) {
	const pushes = 11 // every other one, but the last, of so many domains that its notice is large
	d := newDesk(t)
	var want []string
	for i := range pushes {
		id := "p-" + strconv.Itoa(i)
		var domains []domainname.Name
		for j := range 30 * (i % 2) {
			domains = append(domains, domainname.Name("d"+strconv.Itoa(j)+"."+id+".com"))
		}
		d.ledger.Show(t, id, pushestest.At(pushestest.Offered(id, "anna", "bo", domains...), 24*time.Hour*365*100))
		want = append(want, id+" Offered")
	}
	opened := d.made(t)
	limit := func(size int32) {
		js, err := jetstream.New(d.conn)
		require.NoError(t, err)
		stream, err := js.Stream(t.Context(), notices.StreamName)
		require.NoError(t, err)
		config := stream.CachedInfo().Config
		config.MaxMsgSize = size
		_, err = js.UpdateStream(t.Context(), config)
		require.NoError(t, err)
	}
	limit(1500)
	d.run(t, opened)
	require.Eventually(t, func() bool { return len(of(t, opened, "bo")) > 0 }, time.Minute, 2*time.Millisecond)
	for _, told := range of(t, opened, "bo") {
		number, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(told, "p-"), " Offered"))
		require.NoError(t, err)
		require.Zero(t, number%2, "%s is too large for the stream", told)
	}

	limit(-1)
	for _, party := range []string{"anna", "bo"} {
		require.Eventually(t, func() bool { return len(of(t, opened, party)) >= pushes }, time.Minute, 2*time.Millisecond)
		require.ElementsMatch(t, want, of(t, opened, party))
	}
	require.EqualValues(t, 2*pushes, d.stored(t))
}

func TestNoticesAreToldOnceWhoeverElsePublishesThere(t *testing.T) {
	d := newDesk(t)
	opened, _ := d.open(t)
	d.settled(t, opened)
	var want []string
	for i := range 20 {
		require.NoError(t, d.conn.Publish("push.notice.eve.p.Stranger", []byte(`{}`)))
		id := "p-" + strconv.Itoa(i)
		d.ledger.Show(t, id, pushestest.At(pushestest.Offered(id, "anna", "bo"), 24*time.Hour*365*100), push.Withdrawn{})
		want = append(want, id+" Offered", id+" Withdrawn")
	}
	d.settled(t, opened)
	require.Equal(t, want, of(t, opened, "anna"))
	require.Equal(t, want, of(t, opened, "bo"))
}

// follows notes from where a log is read.
type follows struct {
	eventstore.Store
	mu    sync.Mutex
	after []uint64
}

func (f *follows) Follow(ctx context.Context, after uint64, handle func(eventstore.Recorded) error, caughtUp func()) error {
	f.mu.Lock()
	f.after = append(f.after, after)
	f.mu.Unlock()
	return f.Store.Follow(ctx, after, handle, caughtUp)
}

// Where no notice is left, the events that are too old for one are not even read: a ledger
// of years starts as fast as a new one.
func TestWhatIsTooOldToBeToldIsNotRead(t *testing.T) {
	const old, young = 40, 3 // pushes, each of two events: its domain is reserved, and it is offered
	for name, years := range map[string]struct{ old, young int }{
		"old and young": {old, young}, "only old": {old, 0}, "only young": {0, young}, "nothing": {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			clock := d.now.Add(-31 * 24 * time.Hour)
			d.ledger = pushestest.Over(t, memory.New(eventstore.NewRegistry(catalog.Events()...), func() time.Time { return clock }))
			d.ledger.Run(t)
			offer := func(kind string, count int) {
				for i := range count {
					id := kind + strconv.Itoa(i)
					d.ledger.Show(t, id, pushestest.At(pushestest.Offered(id, "anna", "bo", domainname.Name(id+".com")), 24*time.Hour*365*100))
				}
			}
			offer("old", years.old)
			clock = d.now
			offer("young", years.young)
			watched := &follows{Store: d.ledger.Log}
			d.log = watched
			opened, stop := d.open(t)
			d.settled(t, opened)
			stop()

			var want []string
			for i := range years.young {
				want = append(want, "young"+strconv.Itoa(i)+" Offered")
			}
			require.Equal(t, want, of(t, opened, "bo"))
			require.EqualValues(t, 2*years.old, watched.after[len(watched.after)-1])
			require.LessOrEqual(t, len(watched.after), 8, "halves of halves")
		})
	}
}

func TestNoticeIsGivenBeforeAnOfferEnds(t *testing.T) {
	d := newDesk(t)
	opened, stop := d.open(t)
	for id, left := range map[string]time.Duration{"soon": 23 * time.Hour, "later": 25 * time.Hour, "gone": 23 * time.Hour} {
		offered := pushestest.Offered(id, "anna", "bo")
		offered.OfferedAt, offered.ExpiresAt = d.now, d.now.Add(left)
		if id == "gone" {
			d.ledger.Record(t, id, offered, push.Withdrawn{})
			continue
		}
		d.ledger.Record(t, id, offered)
	}
	expiring := func() (ids []string) {
		for _, told := range of(t, opened, "bo") {
			if id, is := cutType(told); is {
				ids = append(ids, id)
			}
		}
		return ids
	}
	require.Eventually(t, func() bool { return len(expiring()) > 0 && expiring()[0] == "soon" || len(expiring()) > 1 }, time.Minute, 2*time.Millisecond)
	stop()

	d.now = d.now.Add(2 * time.Hour)
	opened, _ = d.open(t)
	require.Eventually(t, func() bool { return slices.Contains(expiring(), "later") }, time.Minute, 2*time.Millisecond)
	d.settled(t, opened)
	count := 0
	for _, id := range expiring() {
		if id == "soon" {
			count++
		}
	}
	require.Equal(t, 1, count, "once, however often the service starts")
}

func TestNoticesNameWhatTheyAreAbout(t *testing.T) {
	d := newDesk(t)
	offered := pushestest.Offered("p-1", "anna", "bo", "alpha.com", "xn--fsqu00a.xn--fiqs8s")
	offered.FeeRate, offered.ExpiresAt = 0, time.Date(2126, 11, 9, 4, 30, 0, 0, time.UTC)
	d.ledger.Record(t, "p-1", offered)
	said := make(map[string]notices.Notice)
	read := func(opened *notices.Notices) {
		page, err := opened.Page(t.Context(), pushes.Viewer{Account: "bo"}, notices.Request{})
		require.NoError(t, err)
		for _, kept := range page.Notices {
			text, err := json.Marshal(kept.Notice)
			require.NoError(t, err)
			var notice notices.Notice
			require.NoError(t, json.Unmarshal(text, &notice))
			said[notice.Type] = notice
		}
	}
	opened, stop := d.open(t)
	require.Eventually(t, func() bool { read(opened); return len(said) > 0 }, time.Minute, 2*time.Millisecond)
	stop()
	d.now = offered.ExpiresAt.Add(-time.Hour)
	opened, _ = d.open(t)
	require.Eventually(t, func() bool { read(opened); return len(said) > 1 }, time.Minute, 2*time.Millisecond)

	require.Equal(t, "卖家向 bo 发起带价 push：alpha.com 等 2 个域名，转让价格共 200.00 元，有效期至 2126-11-09 12:30:00（北京时间）。", said["Offered"].ZH)
	require.Equal(t, "带价 push 即将过期：alpha.com 等 2 个域名，转让价格共 200.00 元，有效期至 2126-11-09 12:30:00（北京时间）。", said[notices.ExpiresSoon].ZH)
	require.Equal(t, "The push of alpha.com and 1 more at 200.00 CNY in all ends soon: it is open until 2126-11-09 04:30:00 UTC.", said[notices.ExpiresSoon].EN)
}

func cutType(told string) (id string, is bool) {
	return strings.CutSuffix(told, " "+notices.ExpiresSoon)
}
