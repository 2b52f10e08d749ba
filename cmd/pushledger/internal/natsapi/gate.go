package natsapi

import "sync"

const (
	inFlight    = 512 // queries worked on at the same time
	inFlightOne = 32  // of one account, so that none can keep the others out
)

// gate counts who is being answered.
type gate struct {
	mu     sync.Mutex
	left   sync.Cond // somebody has left
	total  int
	of     map[string]int // by account
	closed bool
}

func newGate() *gate {
	g := &gate{of: make(map[string]int)}
	g.left.L = &g.mu
	return g
}

// enter lets a query of an account in, unless there are too many already.
func (g *gate) enter(account string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.total >= inFlight || g.of[account] >= inFlightOne {
		return false
	}
	g.total++
	g.of[account]++
	return true
}

func (g *gate) leave(account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.of[account]--; g.of[account] == 0 {
		delete(g.of, account)
	}
	g.left.Broadcast()
}

// shut lets nobody in any more and waits until all have left.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for g.total > 0 {
		g.left.Wait()
	}
}
