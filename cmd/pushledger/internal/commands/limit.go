package commands

import (
	"sync"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/gate"
)

// largestShare is how many of the commands under way may be one account's, so that
// nobody can fill the house.
const largestShare = inFlight / 4

// Limit bounds what one account may ask for.
type Limit struct {
	PerSecond float64 // commands, in the long run
	Burst     int     // commands at once after a pause
}

// limiter holds every account to the limit.
type limiter struct {
	pace *gate.Pace

	mu    sync.Mutex
	share map[string]int // commands under way
}

func newLimiter(limit Limit) *limiter {
	return &limiter{pace: gate.NewPace(limit.PerSecond, limit.Burst), share: make(map[string]int)}
}

// enter refuses a command that is one too many. Who entered leaves.
func (l *limiter) enter(account string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.share[account] >= largestShare || !l.pace.Allow(account, 1, time.Now()) {
		return push.Refuse(push.CodeRateLimited, "")
	}
	l.share[account]++
	return nil
}

func (l *limiter) leave(account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.share[account]--; l.share[account] == 0 {
		delete(l.share, account)
	}
}
