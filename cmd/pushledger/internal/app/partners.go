package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/payment"
)

// What partners are asked at the start, only to hear whether they answer: about names that
// are nobody's.
const (
	askedDomain  = domainname.Name("example.com")
	askedAccount = "pushledger-start"
	askedTrade   = "PUSHLEDGER_START"
)

const (
	partnerPause        = 15 * time.Second // between two questions to a partner that does not answer
	sandboxPartnerPause = time.Second
)

// partner is somebody without whom the service is up and of no use.
type partner struct {
	name string
	ask  func(context.Context) error // nil once it has answered
}

// partners knows who has not answered since the start. It is safe for concurrent use.
type partners struct {
	all    []partner
	pause  time.Duration
	logger *slog.Logger
	begin  chan struct{} // closed once they can be asked: a sandbox's are behind the service's own door

	mu       sync.Mutex
	answered map[string]bool
}

func newPartners(logger *slog.Logger, pause time.Duration, all ...partner) *partners {
	return &partners{all: all, pause: pause, logger: logger, begin: make(chan struct{}), answered: make(map[string]bool, len(all))}
}

// partnersOf are those of a service.
func (s *Service) partnersOf() *partners {
	pause := partnerPause
	if s.config.Sandbox {
		pause = sandboxPartnerPause
	}
	return newPartners(
		s.config.Logger, pause,
		partner{"registrar", func(ctx context.Context) error {
			_, err := s.registrar.Facts(ctx, []domainname.Name{askedDomain})
			return err
		}},
		partner{"account directory", func(ctx context.Context) error {
			_, err := s.registrar.Account(ctx, askedAccount)
			return err
		}},
		partner{"Alipay", func(ctx context.Context) error {
			_, err := s.provider.Query(ctx, askedTrade)
			if errors.Is(err, payment.ErrTradeNotFound) { // which Alipay has signed
				return nil
			}
			return err
		}},
	)
}

// silent are the names of those that have not answered yet.
func (p *partners) silent() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if !p.answered[one.name] {
			names = append(names, one.name)
		}
	}
	return names
}

// hear asks everybody until each has answered once, or ctx ends.
func (p *partners) hear(ctx context.Context) error {
	select {
	case <-p.begin:
	case <-ctx.Done():
		return ctx.Err()
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range p.all {
		group.Go(func() error { return p.hearOne(ctx, one) })
	}
	return group.Wait()
}

func (p *partners) hearOne(ctx context.Context, one partner) error {
	for told := false; ; told = true {
		err := one.ask(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			break
		}
		if !told {
			p.logger.Warn("A PARTNER HAS NOT ANSWERED YET: the service is up, and of no use without it", "partner", one.name, "error", err)
		}
		if !wait(ctx, p.pause) {
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered[one.name] = true
	p.logger.Info("a partner has answered for the first time", "partner", one.name)
	return nil
}

// warnOfOpenDoors says which doors speak to other machines in the clear.
func (s *Service) warnOfOpenDoors() {
	if s.tls != nil {
		return
	}
	for _, door := range []struct{ name, address string }{{"NATS", s.config.NATSListen}, {"HTTP", s.config.HTTPListen}} {
		if beyondThisMachine(door.address) {
			s.config.Logger.Warn("a door listens beyond this machine without TLS: whoever is on the way can read and use tokens; "+
				"give --tls-cert and --tls-key, or have something in front of it that speaks TLS", "door", door.name, "address", door.address)
		}
	}
}

// beyondThisMachine reports whether other machines can reach a listener at an address.
func beyondThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" { // who cannot listen reaches nobody
		return false
	}
	ip := net.ParseIP(host)
	return ip == nil || !ip.IsLoopback()
}
