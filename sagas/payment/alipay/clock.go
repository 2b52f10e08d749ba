package alipay

import (
	"net/http"
	"sync/atomic"
	"time"
)

// toldTime is Alipay's clock as the newest of its answers has told it: the Date of the HTTP
// header, to the second. It goes on by the monotonic clock, so that ours may be set meanwhile.
// It is never ahead of Alipay's own, as an answer takes time to arrive. The header is not part
// of what Alipay signs: only TLS protects it, so it counts only beside a signed answer, and
// nothing that moves money may hang on it alone.
type toldTime struct{ newest atomic.Pointer[tick] }

// tick is one instant by both clocks.
type tick struct{ theirs, ours time.Time }

// note takes the Date of an answer in. One that is none changes nothing.
func (t *toldTime) note(date string) {
	if theirs, err := http.ParseTime(date); err == nil {
		t.newest.Store(&tick{theirs, time.Now()})
	}
}

// Clock implements payment.Provider.
func (p *Provider) Clock() time.Time {
	known := p.theirs.newest.Load()
	if known == nil {
		return time.Now().UTC()
	}
	return known.theirs.Add(time.Since(known.ours)).UTC()
}
