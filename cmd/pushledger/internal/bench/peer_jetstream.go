package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// plain is JetStream alone: the same server with the same settings in a directory of
// its own, reached over TCP as the service is.
type plain struct {
	dir    string
	server *natsserver.Server
	conns  []*nats.Conn
	js     []jetstream.JetStream
	next   atomic.Int64
	body   []byte // as large as an event of ours with its headers
}

func startPlain(ctx context.Context, options Options, size int) (p *plain, err error) {
	p = &plain{body: make([]byte, size)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.dir, err = os.MkdirTemp("", "pushledger-bench-plain-"); err != nil {
		return p, err
	}
	p.server, err = natsserver.Start(natsserver.Options{
		StoreDir: p.dir, Listen: "127.0.0.1:0", SyncAlways: true, Logger: options.Logger,
		Authorize: func(string) (natsserver.Grant, error) {
			return natsserver.Grant{Name: "bench", Publish: []string{">"}, Subscribe: []string{">"}}, nil
		},
	})
	if err != nil {
		return p, err
	}
	for range sellers {
		conn, err := nats.Connect(p.server.URL(), nats.Token("bench"))
		if err != nil {
			return p, err
		}
		p.conns = append(p.conns, conn)
		js, err := jetstream.New(conn)
		if err != nil {
			return p, err
		}
		p.js = append(p.js, js)
	}
	_, err = p.js[0].CreateStream(ctx, jetstream.StreamConfig{
		Name: "PLAIN", Subjects: []string{"plain.>"}, Storage: jetstream.FileStorage,
		DenyDelete: true, DenyPurge: true, AllowDirect: true, AllowAtomicPublish: true,
	})
	return p, err
}

func (p *plain) close() error {
	for _, conn := range p.conns {
		conn.Close()
	}
	var err error
	if p.server != nil {
		err = p.server.Close()
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

// publish stores one message on a subject of its own.
func (p *plain) publish(ctx context.Context, _ int) error {
	number := p.next.Add(1)
	_, err := p.js[number%sellers].Publish(ctx, "plain.one."+strconv.FormatInt(number, 10), p.body)
	return err
}

// batch stores two messages on new subjects as one atomic batch, each with the
// expectation that its subject is new: what an offer of one domain costs at least.
func (p *plain) batch(ctx context.Context, _ int) error {
	number := p.next.Add(1)
	conn, id := p.conns[number%sellers], nuid.Next()
	for i := 1; i <= 2; i++ {
		message := nats.NewMsg(fmt.Sprintf("plain.batch.%d.%d", number, i))
		message.Data = p.body
		message.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
		message.Header.Set(jetstreamext.BatchIDHeader, id)
		message.Header.Set(jetstreamext.BatchSeqHeader, strconv.Itoa(i))
		if i == 1 {
			if err := conn.PublishMsg(message); err != nil {
				return err
			}
			continue
		}
		message.Header.Set(jetstreamext.BatchCommitHeader, "1")
		if err := requestCommit(ctx, conn, message); err != nil {
			return err
		}
	}
	return nil
}
