package notices

import (
	"container/heap"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
)

// upcoming is the open offers in the order in which they end. It holds no truth: it is
// filled anew at every start.
type upcoming struct {
	open  map[string]words.Story
	queue endQueue // of offers that may have ended otherwise meanwhile
}

type end struct {
	id string
	at time.Time
}

func newUpcoming() *upcoming { return &upcoming{open: make(map[string]words.Story)} }

// note keeps the open offers in step with the log.
func (u *upcoming) note(id string, event push.Event, story words.Story) {
	switch event.(type) {
	case push.Offered:
		u.add(id, story)
	default: // whatever else happens first is an answer or an end
		delete(u.open, id)
	}
}

func (u *upcoming) add(id string, story words.Story) {
	if _, known := u.open[id]; known {
		return
	}
	u.open[id] = story
	heap.Push(&u.queue, end{id, story.ExpiresAt})
}

// next takes out an open offer that ends within the time for which notice is given. When
// there is none, wait is how long it will be until there may be one.
func (u *upcoming) next(now time.Time) (id string, soon words.Story, found bool, wait time.Duration) {
	for len(u.queue) > 0 {
		first := u.queue[0]
		story, open := u.open[first.id]
		wait := first.at.Add(-ahead).Sub(now)
		if open && wait > 0 {
			return "", words.Story{}, false, min(wait, longestWait)
		}
		heap.Pop(&u.queue)
		delete(u.open, first.id)
		if open && first.at.After(now) {
			return first.id, story, true, 0
		}
	}
	return "", words.Story{}, false, longestWait
}

// longestWait bounds how long the clock is trusted not to have been set.
const longestWait = time.Minute

// endQueue implements heap.Interface, earliest first.
type endQueue []end

func (q endQueue) Len() int           { return len(q) }
func (q endQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q endQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *endQueue) Push(x any) { *q = append(*q, x.(end)) }

// Pop implements heap.Interface.
func (q *endQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
