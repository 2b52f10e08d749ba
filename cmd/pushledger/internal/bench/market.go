package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

const (
	partnersStart = 10 * time.Minute // with a million domains
	mostDomains   = 1_200_000        // that an inventory may hold
	nameOfService = "service"
)

// market is what a service needs around it: the addresses at which it is to answer, partners
// in a process of their own that hold its sellers' domains, and clients over TCP, each with a
// token.
type market struct {
	dir        string
	keys       string // file of the token issuer's public keys
	nats, http string // host:port of the service
	issuer     *issuer
	partners   *process
	told       app.Ready // by the partners
	service    *process
	others     []*process // that work for the service
	profiles   []string   // flags by which the service writes some
	sellers    []*client.Client
	buyer      *client.Client
	control    *client.Client // steers the partners
	buyerToken string
	next       atomic.Int64 // domain to be pushed next
	domains    int
}

// newMarket starts partners that wait for a service. The directory is removed at the end.
func (r *run) newMarket(ctx context.Context, domains int, ends *closers) (m *market, err error) {
	m = &market{domains: min(domains, mostDomains)}
	if m.dir, err = os.MkdirTemp("", "pushledger-bench-"); err != nil {
		return nil, err
	}
	ends.add(func() error { return os.RemoveAll(m.dir) })
	if err := os.Chmod(m.dir, 0o711); err != nil { // #nosec G302 -- a database below it may run as another user
		return nil, err
	}
	if m.nats, err = freeAddress(); err == nil {
		m.http, err = freeAddress()
	}
	if err != nil {
		return nil, err
	}
	m.keys = filepath.Join(m.dir, "keys.json")
	if m.issuer, err = newIssuer(m.keys); err != nil {
		return nil, err
	}
	return m, m.startPartners(ctx, r.program, ends)
}

// freeAddress is one on which nobody listens now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (m *market) startPartners(ctx context.Context, program string, ends *closers) error {
	inventory, token := filepath.Join(m.dir, "inventory.json"), filepath.Join(m.dir, "partner.token")
	if err := writeInventory(inventory, m.domains); err != nil {
		return err
	}
	partner, err := m.issuer.token("platform", identity.Partner)
	if err != nil {
		return err
	}
	if err := os.WriteFile(token, []byte(partner), 0o600); err != nil {
		return err
	}
	told := filepath.Join(m.dir, "partners.json")
	m.partners, err = launch("partners", exec.Command(program, "serve", "--roles", "sandbox", "--data", filepath.Join(m.dir, "partners"), // #nosec G204 -- this very program
		"--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--sandbox-inventory", inventory,
		"--ledger-nats-url", "nats://"+m.nats, "--ledger-token-file", token, "--ready-file", told, "--log-level", "error"))
	if err != nil {
		return err
	}
	ends.add(m.partners.stop)
	return m.partners.await(ctx, "ready", func() bool { return readReady(told, &m.told) })
}

func readReady(path string, into *app.Ready) bool {
	text, err := os.ReadFile(path) // #nosec G304 -- in a directory of our own
	return err == nil && json.Unmarshal(text, into) == nil
}

// open connects the clients once the partners answer the service.
func (m *market) open(ctx context.Context, ends *closers) error {
	if err := m.awaitPartners(ctx); err != nil {
		return err
	}
	as := func(account string) (*client.Client, error) {
		token, err := m.issuer.token(account, identity.Trader)
		if err != nil {
			return nil, err
		}
		if account == buyer {
			m.buyerToken = token
		}
		return connected(client.Target{NATSURL: "nats://" + m.nats, HTTPURL: "http://" + m.http, Token: token}, ends)
	}
	for i := range sellers {
		seller, err := as(sellerName(i))
		if err != nil {
			return err
		}
		m.sellers = append(m.sellers, seller)
	}
	var err error
	if m.buyer, err = as(buyer); err != nil {
		return err
	}
	m.control, err = connected(client.Target{NATSURL: m.told.NATSURL, HTTPURL: m.told.HTTPURL, Token: m.told.Tokens["operator"]}, ends)
	return err
}

func (m *market) awaitPartners(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, partnersStart)
	defer cancel()
	return m.partners.await(ctx, "connected to the service", func() bool { return isReady(ctx, m.told.HTTPURL) })
}

func connected(target client.Target, ends *closers) (*client.Client, error) {
	made, err := client.New(target)
	if err != nil {
		return nil, err
	}
	ends.add(func() error { made.Close(); return nil })
	_, err = made.NATS()
	return made, err
}

// processes are all whose time is told of a measurement of the service.
func (m *market) processes() []*process {
	return append([]*process{m.service, m.partners}, m.others...)
}

// side is the service under a load of calls.
func (m *market) side(name string, inFlight int, call func(context.Context, int) error) side {
	return side{name: name, processes: m.processes, load: func(ctx context.Context, span time.Duration) (sample, error) {
		return load(ctx, inFlight, span, call)
	}}
}

var errNoDomains = errors.New("bench: all domains are pushed; measure for a shorter time")

// offer sends one offer of one domain.
func (m *market) offer(ctx context.Context) (client.Reply, error) {
	number := int(m.next.Add(1)) - 1
	if number >= m.domains {
		return client.Reply{}, errNoDomains
	}
	reply, err := m.sellers[number%sellers].Command(ctx, "offer", offerBody{
		Buyer: buyer, Items: []offerItem{{Domain: domainName(number), Price: price}},
	}, "")
	if err != nil {
		return reply, fmt.Errorf("offer %d: %w", number, err)
	}
	return reply, nil
}

// offerOne is offer as a call of load.
func (m *market) offerOne(ctx context.Context, _ int) error {
	_, err := m.offer(ctx)
	return err
}

type offerBody struct {
	Buyer string      `json:"buyer"`
	Items []offerItem `json:"items"`
}

type offerItem struct {
	Domain string `json:"domain"`
	Price  string `json:"price"`
}

// warmUp makes calls that are not measured.
func warmUp(ctx context.Context, calls ...func(context.Context, int) error) error {
	for _, call := range calls {
		if _, err := load(ctx, sellers, warmSpan, call); err != nil {
			return err
		}
	}
	return nil
}

const warmSpan = 200 * time.Millisecond
