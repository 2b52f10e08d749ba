package commands

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/pushledger/pushledger/aggregates/push"
)

const (
	// largestShare is how many of the commands under way may be one account's, so that
	// nobody can fill the house.
	largestShare       = inFlight / 4
	rememberedAccounts = 16 << 10 // whose pace is known; the others start anew
)

// Limit bounds what one account may ask for.
type Limit struct {
	PerSecond float64 // commands, in the long run
	Burst     int     // commands at once after a pause
}

// limiter holds every account to the limit.
type limiter struct {
	limit Limit
	paces *lru.Cache[string, *rate.Limiter]

	mu    sync.Mutex
	share map[string]int // commands under way
}

func newLimiter(limit Limit) *limiter {
	paces, err := lru.New[string, *rate.Limiter](rememberedAccounts)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &limiter{limit: limit, paces: paces, share: make(map[string]int)}
}

// enter refuses a command that is one too many. Who entered leaves.
func (l *limiter) enter(account string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.share[account] >= largestShare || !l.pace(account).Allow() {
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

func (l *limiter) pace(account string) *rate.Limiter {
	pace, known := l.paces.Get(account)
	if !known {
		pace = rate.NewLimiter(rate.Limit(l.limit.PerSecond), l.limit.Burst)
		l.paces.Add(account, pace)
	}
	return pace
}
