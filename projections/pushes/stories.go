package pushes

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/eventstore"
)

// rememberedStories is of how many pushes Stories remember what happened before.
const rememberedStories = 10_000

// Stories tell events in words as they pass in the order of the log. They remember a little
// of the pushes that they met last, whatever their size, and look the others up. Not safe
// for concurrent use.
type Stories struct {
	log     eventstore.Store
	about   func(push.Offered) bool
	stories *lru.Cache[string, story] // by push
}

// story is what is remembered of a push.
type story struct {
	*words.Story        // nil: it is about none of the pushes that are told
	upTo         uint64 // sequence of the last event in it
}

// NewStories tells the events of the pushes that about says yes to.
func NewStories(log eventstore.Store, about func(push.Offered) bool) (*Stories, error) {
	stories, err := lru.New[string, story](rememberedStories)
	if err != nil {
		return nil, fmt.Errorf("pushes: stories: %w", err)
	}
	return &Stories{log: log, about: about, stories: stories}, nil
}

// Tell puts an event of a push in words, and gives the push's story up to it. It reports
// false for events that are not to be told. An event may come again, as when a reader has
// to begin anew.
func (s *Stories) Tell(ctx context.Context, recorded eventstore.Recorded, event push.Event) (TimelineEvent, words.Story, bool, error) {
	before, err := s.before(ctx, recorded, event)
	if err != nil || before.Story == nil {
		return TimelineEvent{}, words.Story{}, false, err
	}
	after, text := before.Tell(event)
	s.stories.Add(recorded.Stream.Key, story{&after, recorded.Sequence})
	return timelineEvent(recorded, text), after, true, nil
}

// before is the story of a push up to the event before the one that was recorded.
func (s *Stories) before(ctx context.Context, recorded eventstore.Recorded, event push.Event) (story, error) {
	id := recorded.Stream.Key
	if offered, first := event.(push.Offered); first {
		return s.begin(id, offered), nil
	}
	if known, is := s.stories.Get(id); is && (known.Story == nil || known.upTo < recorded.Sequence) {
		return known, nil
	}
	history, err := s.log.Load(ctx, recorded.Stream)
	if err != nil {
		return story{}, err
	}
	offered, first := history[0].Event.(push.Offered)
	if !first {
		return story{}, fmt.Errorf("pushes: sequence %d: push %s was never offered", recorded.Sequence, id)
	}
	begun := s.begin(id, offered)
	if begun.Story == nil {
		return begun, nil
	}
	for _, earlier := range history {
		if past, ours := earlier.Event.(push.Event); ours && earlier.Sequence < recorded.Sequence {
			*begun.Story, _ = begun.Tell(past)
		}
	}
	return begun, nil
}

// begin is the empty story of a push, or none, which is remembered at once.
func (s *Stories) begin(id string, offered push.Offered) story {
	if s.about(offered) {
		return story{Story: &words.Story{}}
	}
	s.stories.Add(id, story{})
	return story{}
}
