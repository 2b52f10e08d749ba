package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
)

// The fault table F1 to F44: each row is driven through the doors that any other program
// has, and then three books are read: the journal, the provider's ledger and the
// registrar's facts. Rows that need a cluster, a full disk or a power cut are elsewhere.

const (
	longWindow = 30 * time.Minute // of payments whose end nobody waits for
	lookAgain  = 50 * time.Millisecond
	ever       = 1_000_000 // calls that a fault holds for, until it is lifted
)

// sandbox is a sandbox service in this process.
type sandbox struct {
	doors
	seller, buyer, operator *nats.Conn

	mu    sync.Mutex
	deals []*deal // that have come to their end
}

// openSandbox serves a sandbox on a directory until the test ends.
func openSandbox(t *testing.T, data string, window time.Duration) *sandbox {
	t.Helper()
	m, stop := startSandbox(t, data, window, commands.Limit{PerSecond: 1e6, Burst: 1e6})
	t.Cleanup(func() { require.NoError(t, stop()) })
	return m
}

// startSandbox is openSandbox for who stops it.
func startSandbox(t *testing.T, data string, window time.Duration, limit commands.Limit) (*sandbox, func() error) {
	t.Helper()
	log := &lockedBuffer{}
	service, err := app.Start(t.Context(), app.Config{
		Data: data, NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", SyncAlways: true, PaymentWindow: window, Limit: limit,
		Sandbox: true, Inventory: writeInventory(t, 0), Version: version,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	require.NoError(t, err)
	m := &sandbox{doors: doors{
		ready:  readyFile{NATSURL: service.Ready.NATSURL, HTTPURL: service.Ready.HTTPURL, Tokens: service.Ready.Tokens},
		stderr: log,
	}}
	m.seller, m.buyer, m.operator = m.connect(t, "anna"), m.connect(t, "bo"), m.connect(t, "operator")
	return m, service.Close
}

// rows plays rows of the fault table at the same time, and afterwards looks at the books
// once more: what a row left behind must still stand.
func (m *sandbox) rows(t *testing.T, rows map[string]func(*testing.T, *sandbox)) {
	t.Run("rows", func(t *testing.T) {
		for name, row := range rows {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				row(t, m)
			})
		}
	})
	var balances struct {
		Sum string `json:"sum"`
	}
	code, err := m.get("auditor", "/v1/journal/balances", &balances)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "0.00", balances.Sum)
	for _, d := range m.deals {
		require.Equal(t, d.want, d.books(t), "push %s has not stayed as it was", d.id)
	}
}

// control gives an order to the sandbox, which must obey.
func (m *sandbox) control(t *testing.T, subject, format string, values ...any) []byte {
	t.Helper()
	body := fmt.Sprintf(format, values...)
	answer, err := m.operator.Request("sandbox."+subject, []byte(body), 15*time.Second)
	require.NoError(t, err, "%s %s", subject, body)
	var said struct {
		OK bool `json:"ok"`
	}
	require.NoError(t, json.Unmarshal(answer.Data, &said))
	require.True(t, said.OK, "%s %s: %s", subject, body, answer.Data)
	return answer.Data
}

// deal is one push in a sandbox.
type deal struct {
	*sandbox
	id, total string
	domains   []string
	want      books
}

// offer has the seller push some new domains at a price each.
func (m *sandbox) offer(t *testing.T, domains int, price money.Fen) *deal {
	t.Helper()
	d := m.draft(t, domains, price)
	reply := ask(t, m.seller, "push.cmd.anna.offer", d.body(price))
	require.True(t, reply.OK, reply.Error)
	m.eventually(t, "anna", d.id, "Offered")
	return d
}

// draft is a push that is not offered yet.
func (m *sandbox) draft(t *testing.T, domains int, price money.Fen) *deal {
	t.Helper()
	d := &deal{sandbox: m, id: uuid.NewString(), total: (money.Fen(domains) * price).String()}
	for i := range domains {
		name := fmt.Sprintf("f%s%d.com", strings.ReplaceAll(d.id, "-", "")[:20], i)
		d.domains = append(d.domains, name)
		m.control(t, "registrar.set", `{"domain":%q,"account":"anna"}`, name)
	}
	return d
}

func (d *deal) body(price money.Fen) string {
	items := make([]string, len(d.domains))
	for i, name := range d.domains {
		items[i] = fmt.Sprintf(`{"domain":%q,"price":%q}`, name, price)
	}
	return fmt.Sprintf(`{"push_id":%q,"buyer":"bo","items":[%s]}`, d.id, strings.Join(items, ","))
}

// buy is offer, and the buyer accepts.
func (m *sandbox) buy(t *testing.T, domains int) *deal {
	t.Helper()
	d := m.offer(t, domains, 12_34)
	d.accept(t)
	return d
}

func (d *deal) accept(t *testing.T) {
	t.Helper()
	reply := ask(t, d.buyer, "push.cmd.bo.accept", fmt.Sprintf(`{"push_id":%q,"total":%q}`, d.id, d.total))
	require.True(t, reply.OK, reply.Error)
}

func (d *deal) takeDown(t *testing.T) {
	t.Helper()
	reply := d.operate("takedown", `"reason":"court order"`, t)
	require.True(t, reply.OK, reply.Error)
}

// operate gives an operator's command on the push.
func (d *deal) operate(verb, members string, t *testing.T) outsideReply {
	t.Helper()
	return ask(t, d.operator, "push.cmd.operator."+verb, fmt.Sprintf(`{"push_id":%q,%s}`, d.id, members))
}

// pay has the buyer pay. more are further members of the control.
func (d *deal) pay(t *testing.T, more ...string) {
	t.Helper()
	d.control(t, "alipay.pay", `{%s}`, strings.Join(append([]string{fmt.Sprintf(`"push_id":%q`, d.id)}, more...), ","))
}

// alipay spoils calls about this push. times 0 lifts the fault.
func (d *deal) alipay(t *testing.T, api, mode string, times int) {
	t.Helper()
	d.control(t, "alipay.fault", `{"api":%q,"mode":%q,"times":%d,"push_id":%q}`, api, mode, times, d.id)
}

// registrar spoils calls about one of the domains.
func (d *deal) registrar(t *testing.T, domain int, op, mode string, times int) {
	t.Helper()
	d.control(t, "registrar.fault", `{"domain":%q,"op":%q,"mode":%q,"times":%d}`, d.domains[domain], op, mode, times)
}

func (d *deal) event(t *testing.T, kind string, domain int) {
	t.Helper()
	d.control(t, "registrar.event", `{"kind":%q,"domain":%q}`, kind, d.domains[domain])
}

// books are the three books about one push, and its status.
type books struct {
	Status        string
	In, Back, Out []string // amounts that moved at the provider
	// Owed are the journal's accounts that the push has left with something.
	Owed   map[string]string
	Places []string // accounts that hold the domains; "" for one that is nowhere
}

func settled(d *deal) books {
	return books{Status: "Completed", In: []string{d.total}, Out: []string{d.total}, Places: []string{"bo"}}
}

func undone(d *deal) books {
	return books{Status: "Refunded", In: []string{d.total}, Back: []string{d.total}, Places: []string{"anna"}}
}

// unsold is a push that ended without a purchase.
func unsold(status string) books { return books{Status: status, Places: []string{"anna"}} }

// ends waits until the books are as wanted.
func (d *deal) ends(t *testing.T, want books) {
	t.Helper()
	d.await(t, want)
	d.want = want
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deals = append(d.deals, d)
}

// await is ends for what is not the end.
func (d *deal) await(t *testing.T, want books) {
	t.Helper()
	deadline := time.Now().Add(readyPatience)
	for {
		seen := d.books(t)
		if fmt.Sprint(seen) == fmt.Sprint(want) {
			return
		}
		if time.Now().After(deadline) {
			require.Equal(t, want, seen, "push %s\n%s\n%s", d.id, d.story(t), d.stderr)
		}
		time.Sleep(lookAgain)
	}
}

func (d *deal) books(t *testing.T) books {
	t.Helper()
	var seen books
	var view outsidePush
	d.read(t, "anna", "/v1/pushes/"+d.id, &view)
	seen.Status = view.Status
	seen.In, seen.Back, seen.Out = d.provider(t)
	seen.Owed = d.owed(t)
	seen.Places = d.places(t)
	return seen
}

func (m *sandbox) read(t *testing.T, account, path string, into any) {
	t.Helper()
	code, err := m.get(account, path, into)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code, path)
}

type movement struct {
	Amount string `json:"amount"`
}

// provider reads the provider's own ledger.
func (d *deal) provider(t *testing.T) (in, back, out []string) {
	t.Helper()
	var known struct {
		Trades  []movement `json:"trades"`
		Refunds []movement `json:"refunds"`
		Payouts []movement `json:"payouts"`
	}
	require.NoError(t, json.Unmarshal(d.control(t, "alipay.ledger", `{"push_id":%q}`, d.id), &known))
	amounts := func(list []movement) []string {
		var texts []string
		for _, moved := range list {
			texts = append(texts, moved.Amount)
		}
		slices.Sort(texts)
		return texts
	}
	return amounts(known.Trades), amounts(known.Refunds), amounts(known.Payouts)
}

// owed adds up the push's lines of the journal.
func (d *deal) owed(t *testing.T) map[string]string {
	t.Helper()
	var page struct {
		Entries []struct {
			From   string    `json:"from"`
			To     string    `json:"to"`
			Amount money.Fen `json:"amount"`
		} `json:"entries"`
	}
	d.read(t, "auditor", "/v1/journal?limit=200&push_id="+d.id, &page)
	sums := make(map[string]money.Fen)
	for _, line := range page.Entries {
		sums[line.From] -= line.Amount
		sums[line.To] += line.Amount
	}
	var owed map[string]string
	for account, sum := range sums {
		if sum != 0 {
			if owed == nil {
				owed = make(map[string]string)
			}
			owed[account] = sum.String()
		}
	}
	return owed
}

// places asks the registrar who holds the domains.
func (d *deal) places(t *testing.T) []string {
	t.Helper()
	request, err := json.Marshal(map[string]any{"domains": d.domains})
	require.NoError(t, err)
	answer, err := d.operator.Request("registrar.v1.facts", request, 15*time.Second)
	require.NoError(t, err)
	var said struct {
		Facts []struct {
			Exists  bool   `json:"exists"`
			Account string `json:"account"`
		} `json:"facts"`
	}
	require.NoError(t, json.Unmarshal(answer.Data, &said))
	require.Len(t, said.Facts, len(d.domains), "%s", answer.Data)
	var places []string
	for _, facts := range said.Facts {
		if !facts.Exists {
			facts.Account = ""
		}
		places = append(places, facts.Account)
	}
	slices.Sort(places)
	return slices.Compact(places)
}

type outsideEvent struct {
	Type string         `json:"type"`
	Body map[string]any `json:"body"`
}

// timeline is everything that was recorded of the push.
func (d *deal) timeline(t *testing.T) []outsideEvent {
	t.Helper()
	var told struct {
		Events []outsideEvent `json:"events"`
	}
	d.read(t, "anna", "/v1/pushes/"+d.id+"/timeline", &told)
	return told.Events
}

func (d *deal) story(t *testing.T) string {
	t.Helper()
	var types []string
	for _, event := range d.timeline(t) {
		types = append(types, event.Type+fmt.Sprint(event.Body))
	}
	return strings.Join(types, "\n")
}

// count is how often an event was recorded of the push.
func (d *deal) count(t *testing.T, event string) int {
	t.Helper()
	count := 0
	for _, recorded := range d.timeline(t) {
		if recorded.Type == event {
			count++
		}
	}
	return count
}

// happened waits until an event was recorded so often.
func (d *deal) happened(t *testing.T, event string, times int) {
	t.Helper()
	deadline := time.Now().Add(readyPatience)
	for d.count(t, event) < times {
		if time.Now().After(deadline) {
			require.Fail(t, "it has not happened", "%s %d times\n%s\n%s", event, times, d.story(t), d.stderr)
		}
		time.Sleep(lookAgain)
	}
}

// ending is why a push ended, and by which of its domains.
type ending struct {
	Reason string `json:"end_reason"`
	Domain string `json:"end_domain"`
}

func (d *deal) reason(t *testing.T) ending {
	t.Helper()
	var seen ending
	d.read(t, "bo", "/v1/pushes/"+d.id, &seen)
	return seen
}

// because demands why the push ended, and by which of its domains; -1 by none.
func (d *deal) because(t *testing.T, reason string, domain int) {
	t.Helper()
	want := ending{Reason: reason}
	if domain >= 0 {
		want.Domain = d.domains[domain]
	}
	require.Equal(t, want, d.reason(t))
}
