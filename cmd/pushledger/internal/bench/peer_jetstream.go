package bench

import (
	"context"
	"errors"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore/natsserver"
)

const (
	kindJetStream  = "jetstream"
	plainStream    = "PLAIN"
	plainPublished = "plain.one."
	plainBatched   = "plain.batch."
)

// jetStreamPeer is JetStream alone: the same server with the same settings in a directory of
// its own, reached over TCP as the service is.
type jetStreamPeer struct{ server *natsserver.Server }

// openTo lets everybody do everything.
func openTo(name string) natsserver.Grant {
	return natsserver.Grant{Name: name, Publish: []string{">"}, Subscribe: []string{">"}}
}

func startJetStream(ctx context.Context, given setup) (peer, error) {
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: given.Dir, Listen: "127.0.0.1:0", SyncAlways: true, Logger: slog.New(slog.DiscardHandler),
		Authorize: func(string) (natsserver.Grant, error) { return openTo("bench"), nil },
	})
	if err != nil {
		return nil, err
	}
	conn, err := server.Connect("bench", openTo("bench"))
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err == nil {
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: plainStream, Subjects: []string{"plain.>"}, Storage: jetstream.FileStorage,
			DenyDelete: true, DenyPurge: true, AllowDirect: true, AllowAtomicPublish: true,
		})
	}
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &jetStreamPeer{server: server}, nil
}

func (p *jetStreamPeer) ready() ready { return ready{URL: p.server.URL()} }

func (p *jetStreamPeer) do(context.Context, order) (sample, error) { return sample{}, errOnlyServes }

func (p *jetStreamPeer) close() error { return p.server.Close() }
