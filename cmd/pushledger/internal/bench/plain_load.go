package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// plainLoad is the clients of JetStream alone.
type plainLoad struct {
	peer  *peerProcess
	conns []*nats.Conn
	js    []jetstream.JetStream
	next  atomic.Int64
	body  []byte // as large as an event of ours with its headers
}

// startPlain starts JetStream alone in a directory, and connects as many clients as the
// service has sellers.
func (r *run) startPlain(ctx context.Context, dir string, ends *closers) (*plainLoad, error) {
	size, err := eventSize()
	if err != nil {
		return nil, err
	}
	started, err := r.startPeer(ctx, "jetstream", setup{Kind: kindJetStream, Dir: dir})
	if err != nil {
		return nil, err
	}
	ends.add(started.close)
	p := &plainLoad{peer: started, body: make([]byte, size)}
	ends.add(func() error {
		for _, conn := range p.conns {
			conn.Close()
		}
		return nil
	})
	for range sellers {
		conn, err := nats.Connect(started.url, nats.Token("bench"))
		if err != nil {
			return nil, err
		}
		p.conns = append(p.conns, conn)
		js, err := jetstream.New(conn)
		if err != nil {
			return nil, err
		}
		p.js = append(p.js, js)
	}
	return p, nil
}

// side has a call made with a number of them in flight.
func (p *plainLoad) side(name string, inFlight int, call func(context.Context, int) error) side {
	return side{
		name: name, processes: func() []*process { return []*process{p.peer.process} },
		load: func(ctx context.Context, span time.Duration) (sample, error) { return load(ctx, inFlight, span, call) },
	}
}

// publish stores one message on a subject of its own.
func (p *plainLoad) publish(ctx context.Context, _ int) error {
	number := p.next.Add(1)
	_, err := p.js[number%sellers].Publish(ctx, plainPublished+strconv.FormatInt(number, 10), p.body)
	return err
}

// batch stores two messages on new subjects as one atomic batch, each with the
// expectation that its subject is new: what an offer of one domain costs at least.
func (p *plainLoad) batch(ctx context.Context, _ int) error {
	number := p.next.Add(1)
	conn, id := p.conns[number%sellers], nuid.Next()
	for i := 1; i <= 2; i++ {
		message := nats.NewMsg(fmt.Sprintf("%s%d.%d", plainBatched, number, i))
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

// requestCommit sends the last message of a batch and waits for its acknowledgement.
func requestCommit(ctx context.Context, conn *nats.Conn, message *nats.Msg) error {
	answer, err := conn.RequestMsgWithContext(ctx, message)
	if err != nil {
		return err
	}
	var said struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &said); err != nil {
		return err
	}
	if said.Error != nil {
		return said.Error
	}
	return nil
}

// eventSize is how many bytes an event of an offer takes in the log, headers included.
func eventSize() (int, error) {
	log, total, seen := newHistory(1), 0, 0
	for recorded, err := range log.events() {
		if err != nil {
			return 0, err
		}
		entry, err := log.entry(recorded)
		if err != nil {
			return 0, err
		}
		total += len(entry.Body) + len("NATS/1.0\r\n\r\n")
		for _, header := range entry.Headers {
			total += len(header.Name) + len(": \r\n") + len(header.Value)
		}
		if seen++; recorded.Last {
			break
		}
	}
	return total / seen, nil
}
