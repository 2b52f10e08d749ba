package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
)

// A peer is this program in a process of its own, started by the hidden command bench-peer.
// It reads its setup as the first line of its input, says where it is, then does one order a
// line and says what came of it. It ends with its input, and so with whoever started it.

// setup says what a peer is and what it works on. What one kind does not need is empty.
type setup struct {
	Kind    string `json:"kind"`
	Dir     string `json:"dir,omitzero"`     // for what it keeps, or with what it reads
	Listen  string `json:"listen,omitzero"`  // host:port
	Keys    string `json:"keys,omitzero"`    // file of the token issuer's public keys
	Size    int    `json:"size,omitzero"`    // bytes of an answer
	History int    `json:"history,omitzero"` // purchases in the history that was folded
	Tree    bool   `json:"tree,omitzero"`    // the tree over the log is needed
}

// ready says where a peer is.
type ready struct {
	URL   string `json:"url,omitzero"`
	Error string `json:"error,omitzero"` // why it is not
}

// order is work for a peer that needs no clients.
type order struct {
	What     string  `json:"what,omitzero"`
	InFlight int     `json:"in_flight,omitzero"`
	Seconds  float64 `json:"seconds"` // how long to work
}

// span is how long to work.
func (o order) span() time.Duration { return time.Duration(o.Seconds * float64(time.Second)) }

// done is what came of an order.
type done struct {
	Calls     int       `json:"calls"`
	Seconds   float64   `json:"seconds"`
	Latencies []float64 `json:"latencies,omitzero"` // of some calls, in seconds, sorted
	Error     string    `json:"error,omitzero"`
}

// peer is one kind of them. do is never called twice at the same time.
type peer interface {
	ready() ready
	do(ctx context.Context, order order) (sample, error)
	close() error
}

// peerKinds are all of them, by the name in their setup.
var peerKinds = map[string]func(context.Context, setup) (peer, error){
	kindJetStream:   startJetStream,
	kindGroupCommit: startGroupCommit,
	kindPostgres:    startPostgresService,
	kindSigning:     startSigning,
	kindConstant:    startConstant,
	kindReading:     startReading,
	kindListing:     startListing,
}

// errOnlyServes is what a peer answers to an order if it does nothing but serve clients.
var errOnlyServes = errors.New("this peer takes no orders")

const longestLine = 1 << 20

// ServePeer is the life of a peer.
func ServePeer(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	if !lines.Scan() {
		return fmt.Errorf("bench: a peer needs a setup: %w", lines.Err())
	}
	var given setup
	if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
		return fmt.Errorf("bench: setup of a peer: %w", err)
	}
	start := peerKinds[given.Kind]
	if start == nil {
		return fmt.Errorf("bench: there is no peer %q", given.Kind)
	}
	started, err := start(ctx, given)
	if err != nil {
		return errors.Join(err, say(out, ready{Error: err.Error()}))
	}
	defer func() { err = errors.Join(err, started.close()) }()
	if err := say(out, started.ready()); err != nil {
		return err
	}
	for lines.Scan() {
		var wanted order
		if err := json.Unmarshal(lines.Bytes(), &wanted); err != nil {
			return fmt.Errorf("bench: order to a peer: %w", err)
		}
		answer := done{}
		seen, err := started.do(ctx, wanted)
		if err != nil {
			answer.Error = err.Error()
		} else {
			answer = done{Calls: seen.calls, Seconds: seen.seconds, Latencies: seen.hundredths()}
		}
		if err := say(out, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func say(out io.Writer, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}
