package alipay

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

const (
	maxBody         = 1 << 20 // bytes of one answer
	connectionsKept = 32      // for the next calls
)

// newHTTPClient returns a client that waits no longer than timeout, reads no more than so
// many bytes of an answer and follows no redirect.
func newHTTPClient(timeout time.Duration, most int) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: bounded{most: most, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: connectionsKept, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: timeout,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded passes the trace on and has reading an answer fail once it is longer than most.
type bounded struct {
	*http.Transport
	most int // bytes
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context()) // a RoundTripper leaves its request as it is
	propagation.TraceContext{}.Inject(request.Context(), propagation.HeaderCarrier(request.Header))
	response, err := b.Transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{ReadCloser: response.Body, most: b.most, left: b.most}
	return response, nil
}

type boundedBody struct {
	io.ReadCloser
	most, left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("alipay: an answer of more than %d bytes", b.most)
	}
	return n, err
}
