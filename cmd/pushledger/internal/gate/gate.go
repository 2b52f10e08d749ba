// Package gate bounds how much is done at the same time, for all and for each account, so
// that none can keep the others out.
package gate

import "sync"

// Gate counts who is inside. It is safe for concurrent use.
type Gate struct {
	most, mostOne int

	mu     sync.Mutex
	left   sync.Cond // somebody has left
	total  int
	of     map[string]int // by account
	closed bool
}

// New returns a gate that lets so many in at the same time, and so many of one account.
func New(most, mostOne int) *Gate {
	g := &Gate{most: most, mostOne: mostOne, of: make(map[string]int)}
	g.left.L = &g.mu
	return g
}

// Enter lets one of an account in, unless there are too many already. Who was let in
// leaves again.
func (g *Gate) Enter(account string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.total >= g.most || g.of[account] >= g.mostOne {
		return false
	}
	g.total++
	g.of[account]++
	return true
}

// Leave makes room for another.
func (g *Gate) Leave(account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.of[account]--; g.of[account] == 0 {
		delete(g.of, account)
	}
	g.left.Broadcast()
}

// Shut lets nobody in any more and waits until all have left.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for g.total > 0 {
		g.left.Wait()
	}
}
