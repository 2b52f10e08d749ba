package bench

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	kindConstant  = "constant"
	answerHeaders = 5 * time.Second
)

// constantPeer is an HTTP server that says the same bytes to everybody.
type constantPeer struct {
	server *http.Server
	served chan error
	url    string
}

func startConstant(_ context.Context, given setup) (peer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	said := bytes.Repeat([]byte{'x'}, given.Size)
	p := &constantPeer{
		server: &http.Server{ReadHeaderTimeout: answerHeaders, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(said) // whoever has gone is not measured
		})},
		served: make(chan error, 1), url: "http://" + listener.Addr().String(),
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

func (p *constantPeer) ready() ready { return ready{URL: p.url} }

func (p *constantPeer) do(context.Context, order) (sample, error) { return sample{}, errOnlyServes }

func (p *constantPeer) close() error {
	err := p.server.Close()
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
