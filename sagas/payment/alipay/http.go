package alipay

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

const (
	maxBody         = 1 << 20 // bytes of one answer
	connectionsKept = 32      // for the next calls
)

// newHTTPClient returns a client that waits no longer than timeout, reads no more than
// maxBody and follows no redirect.
func newHTTPClient(timeout time.Duration, ahead *atomic.Int64) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: connectionsKept, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: timeout,
		}, ahead},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded passes the trace on, has reading an answer fail once it is longer than maxBody, and
// notes by how much Alipay's clock is ahead.
type bounded struct {
	*http.Transport
	ahead *atomic.Int64 // nanoseconds
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context()) // a RoundTripper leaves its request as it is
	propagation.TraceContext{}.Inject(request.Context(), propagation.HeaderCarrier(request.Header))
	response, err := b.Transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if said, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		b.ahead.Store(int64(time.Until(said)))
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxBody}
	return response, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("alipay: an answer of more than %d bytes", maxBody)
	}
	return n, err
}
