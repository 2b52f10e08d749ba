package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/certificate"
)

// A partner that does not answer is said once, in the log, and named until it does.
func TestWhoHasNotAnsweredYetIsNamedUntilItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var mu sync.Mutex
		there := map[string]bool{"registrar": true}
		asked := make(map[string]int)
		one := func(name string) partner {
			return partner{name, func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				asked[name]++
				if there[name] {
					return nil
				}
				return errors.New("nobody is there")
			}}
		}
		p := newPartners(slog.New(slog.NewTextHandler(&log, nil)), time.Minute, one("registrar"), one("Alipay"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.hear(ctx) }()
		synctest.Wait()
		require.Equal(t, []string{"registrar", "Alipay"}, p.silent(), "nobody has been asked yet")
		require.Empty(t, log.String())

		close(p.begin)
		synctest.Wait()
		require.Equal(t, []string{"Alipay"}, p.silent())
		require.Contains(t, log.String(), `msg="A PARTNER HAS NOT ANSWERED YET: the service is up, and of no use without it" partner=Alipay error="nobody is there"`)
		require.Contains(t, log.String(), `msg="a partner has answered for the first time" partner=registrar`)

		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"Alipay"}, p.silent())
		require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("NOT ANSWERED")), log.String())
		mu.Lock()
		there["Alipay"] = true
		mu.Unlock()
		time.Sleep(time.Minute)
		require.NoError(t, <-ended)
		require.Empty(t, p.silent())
		require.Contains(t, log.String(), `msg="a partner has answered for the first time" partner=Alipay`)
		require.Equal(t, 1, asked["registrar"], "who has answered is left alone")
		stop()
	})
}

func TestTheServiceStopsWhileAPartnerIsSilent(t *testing.T) {
	p := newPartners(slog.New(slog.DiscardHandler), time.Hour, partner{"Alipay", func(context.Context) error { return errors.New("nobody") }})
	close(p.begin)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, p.hear(ctx), context.Canceled)
}

func TestADoorInTheClearBeyondThisMachineIsWarnedOf(t *testing.T) {
	for address, beyond := range map[string]bool{
		"127.0.0.1:4222": false, "127.1.2.3:0": false, "[::1]:4222": false, "localhost:4222": false, "": false,
		"0.0.0.0:4222": true, "[::]:4222": true, ":4222": true, "10.0.0.1:4222": true, "ledger.example:4222": true, "[fe80::1%eth0]:1": true,
	} {
		require.Equal(t, beyond, beyondThisMachine(address), address)
	}
	for _, test := range []struct {
		nats, http string
		warned     []string
	}{
		{"127.0.0.1:0", "127.0.0.1:0", nil},
		{"0.0.0.0:0", "127.0.0.1:0", []string{"door=NATS address=0.0.0.0:0"}},
		{"0.0.0.0:0", ":8080", []string{"door=NATS address=0.0.0.0:0", "door=HTTP address=:8080"}},
	} {
		for _, secure := range []bool{false, true} {
			var log bytes.Buffer
			service := &Service{config: Config{NATSListen: test.nats, HTTPListen: test.http, Logger: slog.New(slog.NewTextHandler(&log, nil))}}
			if secure {
				service.tls = &certificate.Certificate{}
				test.warned = nil
			}
			service.warnOfOpenDoors()
			require.Equal(t, len(test.warned), bytes.Count(log.Bytes(), []byte("level=WARN")))
			for _, warning := range test.warned {
				require.Contains(t, log.String(), warning)
			}
		}
	}
}
