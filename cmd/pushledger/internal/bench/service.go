package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
)

const (
	sellers = 16 // each with a connection of its own
	buyer   = "buyer"
	price   = "10.00"
	noLimit = 1_000_000 // commands a second of one account
)

// subject is the service under test, with everything it runs in production, and
// clients that reach it as any client does: over TCP, with a token.
type subject struct {
	dir     string
	service *app.Service // in this process; nil: child is it
	child   *child
	ready   app.Ready
	sellers []*client.Client
	buyer   *client.Client
	control *client.Client
	next    atomic.Int64 // domain to be pushed next
	domains int
}

// start runs a service on a new directory whose sellers own a number of domains.
func start(ctx context.Context, options Options, domains int) (*subject, error) {
	return prepared(domains, func(s *subject, inventory string) (err error) {
		s.service, err = app.Start(ctx, app.Config{
			Data: filepath.Join(s.dir, "data"), NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", SyncAlways: true,
			PaymentWindow: 30 * time.Minute, Limit: commands.Limit{PerSecond: noLimit, Burst: noLimit}, Version: "0.0.0-bench",
			Sandbox: true, SandboxForgets: true, Inventory: inventory, Logger: options.Logger,
		})
		if err == nil {
			s.ready = s.service.Ready
		}
		return err
	})
}

// startApart is start in a process of its own, on a data directory that stays the caller's.
func startApart(ctx context.Context, data string, domains int) (*subject, error) {
	return prepared(domains, func(s *subject, inventory string) (err error) {
		s.child, _, err = serve(ctx, s.dir, data, "--sandbox-inventory", inventory,
			"--command-rate", strconv.Itoa(noLimit), "--command-burst", strconv.Itoa(noLimit))
		if err == nil {
			s.ready = s.child.ready
		}
		return err
	})
}

// prepared is a subject that is run with an inventory of domains, and its clients.
func prepared(domains int, run func(s *subject, inventory string) error) (s *subject, err error) {
	s = &subject{domains: domains}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "pushledger-bench-"); err != nil {
		return s, err
	}
	inventory := filepath.Join(s.dir, "inventory.json")
	if err := writeInventory(inventory, domains); err != nil {
		return s, err
	}
	if err := run(s, inventory); err != nil {
		return s, err
	}
	return s, s.connect()
}

type inventoryAccount struct {
	Account string `json:"account"`
	Alipay  string `json:"alipay_account"`
	Name    string `json:"alipay_name"`
}

type inventoryDomain struct {
	Domain  string `json:"domain"`
	Account string `json:"account"`
}

func writeInventory(path string, domains int) error {
	var inventory struct {
		Accounts []inventoryAccount `json:"accounts"`
		Domains  []inventoryDomain  `json:"domains"`
	}
	inventory.Accounts = []inventoryAccount{newAccount(buyer)}
	for i := range sellers {
		inventory.Accounts = append(inventory.Accounts, newAccount(sellerName(i)))
	}
	for i := range domains {
		inventory.Domains = append(inventory.Domains, inventoryDomain{domainName(i), sellerName(i % sellers)})
	}
	text, err := json.Marshal(inventory)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func newAccount(name string) inventoryAccount {
	return inventoryAccount{Account: name, Alipay: name + "@example.com", Name: name}
}

func sellerName(i int) string { return fmt.Sprintf("seller%d", i) }
func domainName(i int) string { return fmt.Sprintf("bench-%07d.com", i) }

func (s *subject) connect() error {
	as := func(account string) (*client.Client, error) {
		made, err := client.New(client.Target{
			NATSURL: s.ready.NATSURL, HTTPURL: s.ready.HTTPURL, Token: s.ready.Tokens[account],
		})
		if err != nil {
			return nil, err
		}
		_, err = made.NATS()
		return made, err
	}
	for i := range sellers {
		seller, err := as(sellerName(i))
		if err != nil {
			return err
		}
		s.sellers = append(s.sellers, seller)
	}
	var err error
	if s.buyer, err = as(buyer); err != nil {
		return err
	}
	s.control, err = as("operator")
	return err
}

func (s *subject) close() error {
	var errs []error
	for _, known := range append(s.sellers, s.buyer, s.control) {
		if known != nil {
			known.Close()
		}
	}
	if s.service != nil {
		errs = append(errs, s.service.Close())
	}
	if s.child != nil {
		errs = append(errs, s.child.stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

var errNoDomains = errors.New("bench: all domains are pushed; measure for a shorter time")

// offer sends one offer of one domain and returns the id of the push.
func (s *subject) offer(ctx context.Context) (string, error) {
	number := int(s.next.Add(1)) - 1
	if number >= s.domains {
		return "", errNoDomains
	}
	reply, err := s.sellers[number%sellers].Command(ctx, "offer", offerBody{
		Buyer: buyer, Items: []offerItem{{Domain: domainName(number), Price: price}},
	}, "")
	return reply.PushID, err
}

// offerOne is offer as a call of load.
func (s *subject) offerOne(ctx context.Context, _ int) error {
	_, err := s.offer(ctx)
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
