package alipay

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Alipay wants refunds of one trade to be at least three seconds apart, which is this share
// of the time that it may take to show one.
const (
	spacingShare   = 3
	spacingOf      = 10
	mostRefundedAt = 4096 // trades that are refunded at the same time
)

// spacing keeps refunds of one trade apart. After a restart the first one is made at once.
type spacing struct {
	apart time.Duration
	mu    sync.Mutex
	last  *lru.Cache[string, time.Time] // refund that was asked for, by trade number
}

func newSpacing(visible time.Duration) *spacing {
	last, err := lru.New[string, time.Time](mostRefundedAt)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &spacing{apart: visible * spacingShare / spacingOf, last: last}
}

// enter notes that a trade is refunded now, or tells how long that has to wait.
func (s *spacing) enter(tradeNo string) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, is := s.last.Get(tradeNo); is {
		if wait := s.apart - time.Since(last); wait > 0 {
			return wait
		}
	}
	s.last.Add(tradeNo, time.Now())
	return 0
}
