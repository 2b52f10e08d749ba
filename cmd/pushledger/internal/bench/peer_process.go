package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/go-json-experiment/json"
)

// peerProcess is a peer as its user sees it.
type peerProcess struct {
	*process
	url   string
	in    io.WriteCloser
	lines *bufio.Scanner
}

// startPeer starts this program as a peer and waits until it is ready.
func (r *run) startPeer(ctx context.Context, name string, given setup) (*peerProcess, error) {
	command := exec.Command(r.program, "bench-peer") // #nosec G204 -- this very program
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started, err := launch(name, command)
	if err != nil {
		return nil, err
	}
	p := &peerProcess{process: started, in: in, lines: bufio.NewScanner(out)}
	p.lines.Buffer(nil, longestLine)
	var told ready
	err = p.exchange(ctx, given, &told)
	if err == nil && told.Error != "" {
		err = errors.New(told.Error)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), p.close())
	}
	p.url = told.URL
	return p, nil
}

// exchange sends a line and waits for the one that answers it. The process is killed if ctx
// ends first.
func (p *peerProcess) exchange(ctx context.Context, question, answer any) error {
	stop := context.AfterFunc(ctx, func() { _ = p.command.Process.Kill() })
	defer stop()
	if err := say(p.in, question); err != nil {
		return fmt.Errorf("%w: %s", err, p.lastWords())
	}
	if !p.lines.Scan() {
		return errors.Join(ctx.Err(), p.lines.Err(), fmt.Errorf("it has ended by itself: %s", p.lastWords()))
	}
	return json.Unmarshal(p.lines.Bytes(), answer)
}

// do has the peer carry out an order.
func (p *peerProcess) do(ctx context.Context, wanted order) (sample, error) {
	var answer done
	if err := p.exchange(ctx, wanted, &answer); err != nil {
		return sample{}, err
	}
	if answer.Error != "" {
		return sample{}, errors.New(answer.Error)
	}
	seen := sample{calls: answer.Calls, seconds: answer.Seconds}
	for _, latency := range answer.Latencies {
		seen.latencies = append(seen.latencies, time.Duration(latency*float64(time.Second)))
	}
	return seen, nil
}

// close ends the peer.
func (p *peerProcess) close() error {
	_ = p.in.Close() // it may have ended already
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopSoon):
		return errors.Join(fmt.Errorf("%s does not stop", p.name), p.kill())
	}
}

// working is the side of a peer that does its own work.
func (p *peerProcess) working(inFlight int) side {
	return side{
		name: p.name, processes: func() []*process { return []*process{p.process} },
		load: func(ctx context.Context, span time.Duration) (sample, error) {
			return p.do(ctx, order{InFlight: inFlight, Seconds: span.Seconds()})
		},
	}
}
