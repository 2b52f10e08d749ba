package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	readPatience   = 30 * time.Second
	mostIdleInOne  = 64
	largestAnswer  = 1 << 20
	minSequenceFor = "30s"
)

// asker asks for pushes over HTTP, as their buyer.
type asker struct {
	http *http.Client
	url  string
	auth string
	ids  func(number int) string
	min  uint64 // sequence from which on all of them are shown; 0: they are
}

func (m *market) asker(ids func(int) string, ends *closers) *asker {
	a := &asker{
		http: &http.Client{Timeout: readPatience, Transport: &http.Transport{MaxIdleConnsPerHost: mostIdleInOne}},
		url:  "http://" + m.http + "/v1/pushes/", auth: "Bearer " + m.buyerToken, ids: ids,
	}
	ends.add(func() error { a.http.CloseIdleConnections(); return nil })
	return a
}

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
	response, err := a.http.Do(request)
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
