package alipay

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	// refundVisible is how long Alipay may take to show a refund that it has made.
	refundVisible = 10 * time.Second
	mostUnseen    = 4096 // refunds that are looked for at the same time
)

// unseen remembers refunds that were refused and are not shown, as an earlier call may have
// made them. That says that they were not made only at a second look, later than Alipay
// takes to show one: else somebody would refund by hand what the first call still carries
// out. After a restart the refund is asked for once more, and its time begins anew.
type unseen struct {
	visible time.Duration
	mu      sync.Mutex
	refused *lru.Cache[string, refusedRefund] // by request number
}

type refusedRefund struct {
	*payment.Refused
	at time.Time
}

func newUnseen(visible time.Duration) *unseen {
	refused, err := lru.New[string, refusedRefund](mostUnseen)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &unseen{visible: visible, refused: refused}
}

// remember notes that a refund was refused.
func (u *unseen) remember(requestNo string, refusal *payment.Refused) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused.Add(requestNo, refusedRefund{refusal, time.Now()})
}

// look returns how a refund was refused before, nil if it was not, and whether it would
// be shown by now if it had been made.
func (u *unseen) look(requestNo string) (refusal *payment.Refused, certain bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	known, is := u.refused.Get(requestNo)
	return known.Refused, is && time.Since(known.at) >= u.visible
}

// forget drops a refund whose fate is known.
func (u *unseen) forget(requestNo string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused.Remove(requestNo)
}
