package natsregistrar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// slow is a registrar that takes a second for each question.
type slow struct {
	mu        sync.Mutex
	questions [][]domainname.Name
	broken    domainname.Name // fails every question about it
}

func (s *slow) ask(domains []domainname.Name) ([]push.DomainFacts, error) {
	s.mu.Lock()
	s.questions = append(s.questions, slices.Clone(domains))
	s.mu.Unlock()
	time.Sleep(time.Second)
	if slices.Contains(domains, s.broken) {
		return nil, errors.New("no answer")
	}
	facts := make([]push.DomainFacts, len(domains))
	for i, name := range domains {
		facts[i].Domain = name
	}
	return facts, nil
}

func name(i int) domainname.Name { return domainname.Name(fmt.Sprintf("d-%d.com", i)) }

func TestQuestionsThatWaitLeaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &slow{}
		asked := newPooledFacts(far.ask)
		const callers = questionsAtOnce + 150
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				facts, err := asked.facts(t.Context(), []domainname.Name{name(i), name(i % 3)})
				require.NoError(t, err)
				require.Equal(t, name(i), facts[0].Domain)
				require.Equal(t, name(i%3), facts[1].Domain)
			})
		}
		group.Wait()
		require.Less(t, len(far.questions), 2*questionsAtOnce+1, "the first leave at once, the others together")
		for _, question := range far.questions {
			require.LessOrEqual(t, len(question), maxChunk)
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(question))), len(question), "nothing is asked twice in one question")
		}
	})
}

func TestADomainThatGetsNoAnswerHarmsOnlyItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &slow{broken: name(questionsAtOnce)}
		asked := newPooledFacts(far.ask)
		var group sync.WaitGroup
		for i := range questionsAtOnce + 5 {
			group.Go(func() {
				_, err := asked.facts(t.Context(), []domainname.Name{name(i)})
				require.Equal(t, name(i) == far.broken, err != nil, name(i))
			})
		}
		group.Wait()

		began := time.Now()
		group.Go(func() { _, _ = asked.facts(t.Context(), []domainname.Name{far.broken}) })
		for i := range questionsAtOnce {
			group.Go(func() {
				_, err := asked.facts(t.Context(), []domainname.Name{name(i)})
				require.NoError(t, err)
			})
		}
		group.Wait()
		require.Equal(t, time.Second, time.Since(began), "it is asked about alone now")
	})
}

func TestAnAccountIsAskedAboutAfterTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		shared := newSharedAccounts(func(account string) (push.AccountFacts, error) {
			calls++
			facts := push.AccountFacts{Account: account, AlipayName: fmt.Sprint(calls)} // as it stands when asked
			time.Sleep(time.Second)
			return facts, nil
		})
		var group sync.WaitGroup
		group.Go(func() {
			facts, err := shared.account(t.Context(), "anna")
			require.NoError(t, err)
			require.Equal(t, "1", facts.AlipayName)
		})
		synctest.Wait()
		for range 10 { // they come while the first is on its way
			group.Go(func() {
				facts, err := shared.account(t.Context(), "anna")
				require.NoError(t, err)
				require.Equal(t, "2", facts.AlipayName)
			})
		}
		group.Wait()
		synctest.Wait()
		require.Equal(t, 2, calls)
		require.Empty(t, shared.calls)
	})
}

func TestWhoGoesDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &slow{}
		asked := newPooledFacts(far.ask)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := asked.facts(ctx, []domainname.Name{name(1)})
			require.Error(t, err)
		})
		synctest.Wait()
		cancel()
		_, err := asked.facts(t.Context(), []domainname.Name{name(1)})
		require.NoError(t, err)
		group.Wait()
	})
}
