package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
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
	provider                string // the journal's account for money of a purchase at Alipay

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

// openConfirming is openSandbox with sellers who are paid by confirming trades, and a
// platform that takes fees of them.
func openConfirming(t *testing.T, fees push.FeeSchedule) *sandbox {
	t.Helper()
	m, stop := startSandbox(t, t.TempDir(), longWindow, commands.Limit{PerSecond: 1e6, Burst: 1e6}, func(c *app.Config) {
		c.ByMerchant, c.Fees = true, fees
	})
	t.Cleanup(func() { require.NoError(t, stop()) })
	m.provider = "alipay:frozen"
	return m
}

// startSandbox is openSandbox for who stops it.
func startSandbox(t *testing.T, data string, window time.Duration, limit commands.Limit, change ...func(*app.Config)) (*sandbox, func() error) {
	t.Helper()
	log := &lockedBuffer{}
	config := app.Config{
		Data: data, NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", SyncAlways: true, PaymentWindow: window, Limit: limit,
		Sandbox: true, Inventory: writeInventory(t, 0), Version: version,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, set := range change {
		set(&config)
	}
	service, err := app.Start(t.Context(), config)
	require.NoError(t, err)
	m := &sandbox{provider: "alipay:clearing", doors: doors{
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
	answer, err := m.operator.Request("sandbox."+subject, []byte(body), readyPatience)
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

// signsIn has the buyer sign in on the payment page and not pay yet. Before that there is no
// trade, which could be closed only once its window is over.
func (d *deal) signsIn(t *testing.T) {
	t.Helper()
	d.happened(t, "PaymentOpened", 1)
	d.control(t, "alipay.open", `{"push_id":%q}`, d.id)
}

// visit has the buyer open the payment page, and requires that it shows the cashier.
func (d *deal) visit(t *testing.T) {
	t.Helper()
	var view struct {
		Payment struct {
			URL string `json:"url"`
		} `json:"payment"`
	}
	d.read(t, "bo", "/v1/pushes/"+d.id, &view)
	shown, err := http.Get(view.Payment.URL)
	require.NoError(t, err)
	text, err := io.ReadAll(shown.Body)
	require.NoError(t, err)
	require.NoError(t, shown.Body.Close())
	require.Contains(t, string(text), "收银台")
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
