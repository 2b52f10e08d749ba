package gate

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const rememberedAccounts = 16 << 10 // whose pace is known; the others start anew

// Pace bounds how much each account may have done in the long run, and at once after a
// pause. It is safe for concurrent use.
type Pace struct {
	perSecond float64
	burst     int

	mu       sync.Mutex
	accounts *lru.Cache[string, *rate.Limiter]
}

// NewPace returns a pace of so many a second in the long run and so many at once.
func NewPace(perSecond float64, burst int) *Pace {
	accounts, err := lru.New[string, *rate.Limiter](rememberedAccounts)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Pace{perSecond: perSecond, burst: burst, accounts: accounts}
}

// Allow reports whether an account may have so many done now, and counts them if so.
func (p *Pace) Allow(account string, count int, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	limiter, known := p.accounts.Get(account)
	if !known {
		limiter = rate.NewLimiter(rate.Limit(p.perSecond), p.burst)
		p.accounts.Add(account, limiter)
	}
	return limiter.AllowN(now, count)
}
