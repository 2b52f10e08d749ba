package jetstream

import (
	"time"

	"github.com/pushledger/pushledger/eventstore"
)

// commitGroups is the one goroutine that writes; it owns the backlog and what is known
// of the streams. A lone append leaves at once and whole. Where others wait or are likely
// to come back, a batch is opened first: while the server prepares it, and while one is on
// its way to disk, more gather, so groups grow with the load and nobody waits for company
// on a free line.
func (s *Store) commitGroups() {
	defer close(s.stopped)
	var backlog []*waiting
	var last committed
	for {
		if len(backlog) == 0 {
			select {
			case request := <-s.queue:
				backlog = append(backlog, request)
			case <-s.closing:
			}
		}
		select {
		case <-s.closing:
			s.turnAway(backlog)
			return
		default:
		}
		backlog = s.gather(backlog)
		first, rest := s.first(backlog)
		if backlog = rest; first == nil {
			continue
		}
		began := time.Now()
		opened := ""
		if len(rest) > 0 || last.brisk() {
			var err error
			if opened, err = s.open(first); err != nil {
				fail([]*waiting{first}, err)
				continue
			}
			backlog = s.expect(s.gather(backlog), last)
		}
		var group []*waiting
		group, backlog = s.split(first, backlog)
		s.commit(opened, group)
		last = committed{appends: len(group), ended: time.Now(), took: time.Since(began)}
	}
}

// committed is what is known of the last group.
type committed struct {
	appends int
	ended   time.Time
	took    time.Duration
}

// brisk reports that the last group was of several, and so short ago that they are likely
// to come back.
func (c committed) brisk() bool { return c.appends > 1 && time.Since(c.ended) < c.took }

// expect waits for those who are likely to come back: callers who were answered with
// the last group and write again at once. Going without them would make them wait for a
// whole group that holds only the first few. It ends as soon as as many have come, and
// after a quarter of what the last group took in any case; a line that has been free
// for that long is left at once.
func (s *Store) expect(backlog []*waiting, last committed) []*waiting {
	left := time.Until(last.ended.Add(last.took / 4))
	if left <= 0 || len(backlog)+1 >= last.appends {
		return backlog
	}
	patience := time.NewTimer(left)
	defer patience.Stop()
	for len(backlog)+1 < last.appends {
		select {
		case request := <-s.queue:
			backlog = append(backlog, request)
		case <-patience.C:
			return backlog
		case <-s.closing:
			return backlog
		}
	}
	return backlog
}

// gather takes what waits in the queue, without waiting for more.
func (s *Store) gather(backlog []*waiting) []*waiting {
	for len(backlog) < s.groupSize {
		select {
		case request := <-s.queue:
			backlog = append(backlog, request)
		default:
			return backlog
		}
	}
	return backlog
}

func (s *Store) turnAway(backlog []*waiting) {
	for {
		fail(backlog, errClosed())
		select {
		case request := <-s.queue:
			backlog = []*waiting{request}
		default:
			return
		}
	}
}

// first takes the first append off the backlog that is worth sending; nil if none is.
func (s *Store) first(backlog []*waiting) (first *waiting, rest []*waiting) {
	for i, request := range backlog {
		if !request.abandon() && !request.refuse(&s.heads) {
			return request, backlog[i+1:]
		}
	}
	return nil, nil
}

// split takes what goes with the first append off the backlog, in order of arrival: a
// large append that does not fit any more ends the group and opens the next one. An
// append on a stream that the group writes already, or that an earlier one waits for,
// stays for a later group: there it meets the stream as it will then be.
func (s *Store) split(first *waiting, backlog []*waiting) (group, rest []*waiting) {
	taken := make(map[eventstore.StreamID]bool, 2*(len(backlog)+1))
	for stream := range first.expects {
		taken[stream] = true
	}
	group = append(make([]*waiting, 0, len(backlog)+1), first)
	events, bytes, full := len(first.messages), first.bytes, false
	for _, request := range backlog {
		if request.abandon() || request.refuse(&s.heads) {
			continue
		}
		full = full || events+len(request.messages) > s.groupSize || bytes+request.bytes > maxGroupBytes
		if full || request.overlaps(taken) {
			rest = append(rest, request)
		} else {
			group = append(group, request)
			events += len(request.messages)
			bytes += request.bytes
		}
		for stream := range request.expects {
			taken[stream] = true
		}
	}
	return group, rest
}

// heads remembers how far streams have come, for as long as somebody may still append
// to what he read before. It holds the newest writes, at most two generations of
// maxHeads. Streams never shrink, so what it knows stays true whoever else writes.
type heads struct {
	recent, older map[eventstore.StreamID]uint64
}

func (h *heads) reached(stream eventstore.StreamID, sequence uint64) {
	if h.recent == nil || len(h.recent) >= maxHeads {
		h.recent, h.older = make(map[eventstore.StreamID]uint64), h.recent
	}
	h.recent[stream] = sequence
}

// passed reports that a stream has certainly gone beyond a sequence.
func (h *heads) passed(stream eventstore.StreamID, sequence uint64) bool {
	return h.recent[stream] > sequence || h.older[stream] > sequence
}
