package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

const (
	readers        = 16    // questions in flight
	readersBeside  = 1     // of them while others write
	shownFew       = 2_000 // pushes there are to ask for
	shownMany      = 10_000
	readTarget     = 5 // ms, p99 beside writers
	readPatience   = 30 * time.Second
	writersAtOnce  = 64
	offersASecond  = 8_000 // at most, for the number of domains needed
	answerHeaders  = 5 * time.Second
	mostIdleInOne  = 64
	largestAnswer  = 1 << 20
	minSequenceFor = "30s"
)

// onePush measures Q1: a push asked for over HTTP against a handler that says as many
// constant bytes, and how long it takes while others write.
func onePush(ctx context.Context, r *run) (err error) {
	r.Progress("start")
	shown := shownMany
	if r.Quick {
		shown = shownFew
	}
	ours, err := start(ctx, r.Options, shown+int(2*rounds*r.span().Seconds()*offersASecond))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	ids, err := ours.offerMany(ctx, shown)
	if err != nil {
		return err
	}
	asker := ours.asker(func(number int) string { return ids[number%len(ids)] })
	if asker.min, err = ours.service.Log().LastSequence(ctx); err != nil {
		return err
	}
	defer asker.close()
	constant, err := newConstant(ctx, asker)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, constant.close()) }()
	if err := warmUp(ctx, asker.one, constant.one); err != nil {
		return err
	}
	var own, other, slow []float64
	for round := range rounds {
		r.Progress(fmt.Sprintf("Q1 round %d of %d", round+1, rounds))
		asked, err := load(ctx, readers, r.span(), asker.one)
		if err != nil {
			return err
		}
		said, err := load(ctx, readers, r.span(), constant.one)
		if err != nil {
			return err
		}
		beside, err := besideWriters(ctx, r.span(), ours, asker)
		if err != nil {
			return err
		}
		own, other, slow = append(own, asked.rate), append(other, said.rate), append(slow, beside.percentile(0.99))
	}
	r.add(
		compared("Q1 push", "1/s", "constant answer of the same size", own, other, atLeast(0.5)),
		compared("Q1 p99 beside writers", "ms", targetItself, slow, same(readTarget), atMost(1)),
	)
	return nil
}

// besideWriters asks now and then while offers come in at half of the rate that they can
// come in at.
func besideWriters(ctx context.Context, span time.Duration, ours *subject, asker *asker) (sample, error) {
	full, err := load(ctx, writersAtOnce, span/2, ours.offerOne)
	if err != nil {
		return sample{}, err
	}
	pace := rate.NewLimiter(rate.Limit(full.rate/2), 1)
	var seen sample
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := load(inner, writersAtOnce, span, func(ctx context.Context, number int) error {
			if err := pace.Wait(ctx); err != nil {
				return err
			}
			return ours.offerOne(ctx, number)
		})
		return err
	})
	group.Go(func() (err error) {
		seen, err = load(inner, readersBeside, span, asker.one)
		return err
	})
	err = group.Wait()
	return seen, err
}

// offerMany makes pushes and waits until queries show them.
func (s *subject) offerMany(ctx context.Context, count int) ([]string, error) {
	ids := make([]string, count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writersAtOnce)
	for i := range ids {
		group.Go(func() (err error) {
			ids[i], err = s.offer(ctx)
			return err
		})
	}
	err := group.Wait()
	return ids, err
}

// asker asks for pushes over HTTP, as their buyer.
type asker struct {
	http *http.Client
	url  string
	auth string
	ids  func(number int) string
	min  uint64 // sequence from which on all of them are shown; 0: they are
}

func (s *subject) asker(ids func(int) string) *asker {
	return &asker{
		http: &http.Client{Timeout: readPatience, Transport: &http.Transport{MaxIdleConnsPerHost: mostIdleInOne}},
		url:  s.ready.HTTPURL + "/v1/pushes/", auth: "Bearer " + s.ready.Tokens[buyer], ids: ids,
	}
}

func (a *asker) close() { a.http.CloseIdleConnections() }

// one asks for any of the pushes.
func (a *asker) one(ctx context.Context, _ int) error {
	_, err := a.get(ctx, a.ids(rand.Int())) // #nosec G404 -- spreads load, guards nothing
	return err
}

func (a *asker) get(ctx context.Context, id string) ([]byte, error) {
	return a.ask(ctx, a.url+id)
}

func (a *asker) ask(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", a.auth)
	request.Header.Set("Min-Seq", strconv.FormatUint(a.min, 10))
	request.Header.Set("Min-Seq-Timeout", minSequenceFor)
	return answer(a.http, request)
}

func answer(client *http.Client, request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s says %d: %.200s", request.URL, response.StatusCode, body)
	}
	return body, nil
}

// constant is a server that says the same bytes to everybody.
type constant struct {
	server *http.Server
	served chan error
	asker  *asker // who asks in the same words
	url    string
}

// newConstant says as many bytes as one of the pushes takes.
func newConstant(ctx context.Context, like *asker) (*constant, error) {
	body, err := like.get(ctx, like.ids(0))
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	said := bytes.Repeat([]byte{'x'}, len(body))
	c := &constant{
		server: &http.Server{ReadHeaderTimeout: answerHeaders, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(said) // whoever has gone is not measured
		})},
		served: make(chan error, 1), url: "http://" + listener.Addr().String(), asker: like,
	}
	go func() { c.served <- c.server.Serve(listener) }()
	return c, nil
}

func (c *constant) one(ctx context.Context, _ int) error {
	_, err := c.asker.ask(ctx, c.url)
	return err
}

func (c *constant) close() error {
	err := c.server.Close()
	if served := <-c.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
