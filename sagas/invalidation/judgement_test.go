package invalidation_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/invalidation"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Rule L7: what is no trigger by itself has the facts read again.
func TestAKindThatNobodyKnowsIsJudgedByTheFacts(t *testing.T) {
	for _, kind := range []string{"polished", registrar.KindExpired, registrar.KindOnSale} {
		t.Run(kind, func(t *testing.T) {
			m := open(t)
			m.offer("p-1", m.start, alpha)
			m.handle(event(kind, alpha))
			require.Equal(t, push.StatusOffered, m.state("p-1").Status, "nothing is wrong with it")

			m.registrar.locked = map[domainname.Name]bool{alpha: true}
			m.handle(event(kind, alpha))
			state := m.state("p-1")
			require.Equal(t, push.StatusInvalidated, state.Status)
			require.Equal(t, push.CodeAccountMoveLocked, state.EndReason)
			require.Equal(t, alpha, state.EndDomain)
		})
	}
}

// overtaken is a registrar while whose facts are read something is recorded of the push.
type overtaken struct {
	*holders
	meanwhile func()
}

func (o *overtaken) Facts(ctx context.Context, names []domainname.Name) ([]push.DomainFacts, error) {
	facts, err := o.holders.Facts(ctx, names)
	if o.meanwhile != nil {
		o.meanwhile()
		o.meanwhile = nil
	}
	return facts, err
}

// Facts that were read before a domain arrived at the buyer say that the seller has it. They
// must not pass for what the buyer has done since.
func TestFactsThatAPushHasOvertakenAreReadAgain(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha, beta)
	m.deliver("p-1")
	slow := &overtaken{holders: m.registrar}
	slow.meanwhile = func() {
		m.moved("p-1", alpha)
		m.registrar.accounts[alpha] = buyer
	}
	m.saga = invalidation.New(m.store, m.ledger, slow, slog.New(slog.DiscardHandler), time.Now)
	m.handle(event("polished", alpha))
	require.Empty(t, push.WorkList(m.state("p-1")))
	require.Equal(t, int32(2), m.registrar.asked.Load())

	m.registrar.accounts[alpha] = "eve"
	m.handle(event("polished", alpha))
	require.Equal(t, push.StepBuyerAct, push.WorkList(m.state("p-1"))[0].Step)
}

// Rule B5.
func TestWhatTheBuyerDoesStopsThePush(t *testing.T) {
	for name, arrived := range map[string]func(*market){
		"recorded":         func(m *market) { m.moved("p-1", alpha) },
		"not recorded yet": func(m *market) { m.registrar.done = map[string]bool{push.MoveNo("p-1", alpha): true} },
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			m.offer("p-1", m.start, alpha, beta)
			m.deliver("p-1")
			arrived(m)
			m.handle(event(registrar.KindTransferOutStarted, alpha))
			state := m.state("p-1")
			require.Nil(t, state.Return)
			require.Equal(t, push.CodeBuyerActed, push.WorkList(state)[0].Code)
		})
	}
}

func TestWhatTheSellerDoesUndoesThePush(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha, beta)
	m.deliver("p-1")
	m.handle(event(registrar.KindTransferOutStarted, alpha))
	require.Equal(t, push.CodeDomainGone, m.state("p-1").Return.Code)
}

// Rule B6.
func TestAnEventUnderAnotherNameOfTheRegistration(t *testing.T) {
	const simplified, traditional, third = domainname.Name("xn--fsqu00a.xn--fiqs8s"), domainname.Name("xn--fsqu00a.xn--fiqz9s"), domainname.Name("xn--fsqu00a.cn")
	for _, name := range []domainname.Name{simplified, traditional, third} {
		t.Run(name.Unicode(), func(t *testing.T) {
			m := open(t)
			m.registrar.variants = map[domainname.Name]domainname.Name{traditional: simplified, third: simplified}
			m.offer("p-1", m.start, traditional)
			m.handle(event(registrar.KindDeleted, name))
			require.Equal(t, push.StatusInvalidated, m.state("p-1").Status)
		})
	}
}

// A buyer may offer what it has bought at once: the echoes of the sale come late.
func TestEchoesOfAnEarlierPushAreOldNews(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha)
	m.deliver("p-1")
	m.moved("p-1", alpha)
	m.complete("p-1")
	m.registrar.accounts[alpha] = buyer
	m.offer("p-2", m.start, alpha)
	for _, kind := range []string{registrar.KindRegistrantChanged, registrar.KindAccountMoved} {
		echo := event(kind, alpha)
		echo.OperationID = push.MoveNo("p-1", alpha)
		m.handle(echo)
		require.Equal(t, push.StatusOffered, m.state("p-2").Status, kind)
	}
	reversed := event(registrar.KindAccountMoved, alpha)
	reversed.OperationID, reversed.To = push.MoveNo("p-1", alpha), "eve"
	m.handle(reversed)
	require.Equal(t, push.StatusInvalidated, m.state("p-2").Status, "it is no echo of what was ordered")
}

func (m *market) moved(id string, name domainname.Name) {
	m.t.Helper()
	m.record(id, push.DomainMoved{At: time.Now(), Domain: name})
}

func (m *market) complete(id string) {
	m.t.Helper()
	m.record(id, push.Completed{At: time.Now()})
}

func (m *market) record(id string, event push.Event) {
	m.t.Helper()
	_, err := m.ledger.Record(m.t.Context(), id, func(push.State) []push.Event { return []push.Event{event} })
	require.NoError(m.t, err)
}

// Rule B5: the arrival comes first. What is wholly with the buyer is not stopped any more.
func TestAnArrivalThatNobodyRecordedComesBeforeTheAct(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha)
	m.deliver("p-1")
	m.registrar.done = map[string]bool{push.MoveNo("p-1", alpha): true}
	m.handle(event(registrar.KindAuthCodeIssued, alpha))
	require.Empty(t, push.WorkList(m.state("p-1")))
	require.Equal(t, push.StatusCompleted, m.state("p-1").Status)
}

// Another process has recorded the payment since this one last read the push.
func TestWhatWasFoundOutCountsOnlyForThePushAsItWas(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha, beta)
	m.handle(event("polished", alpha))
	m.deliver("p-1")
	m.registrar.done = map[string]bool{push.MoveNo("p-1", alpha): true}
	m.handle(event(registrar.KindAuthCodeIssued, alpha))
	state := m.state("p-1")
	require.Nil(t, state.Return, "the buyer's own act does not undo it")
	require.Equal(t, push.StepBuyerAct, push.WorkList(state)[0].Step)
}

// Rule B6: an ended push of a variant does not hide the live one, reserved by another name.
func TestAnEndedPushOfAVariantDoesNotHideTheLiveOne(t *testing.T) {
	const canonical, variant = domainname.Name("xn--fsqu00a.xn--fiqs8s"), domainname.Name("xn--fsqu00a.xn--fiqz9s")
	m := open(t)
	m.registrar.accounts[variant] = seller
	m.offer("p-old", m.start, variant)
	m.record("p-old", push.Withdrawn{At: m.start})
	m.registrar.variants = map[domainname.Name]domainname.Name{variant: canonical}
	m.offer("p-new", m.start, variant)
	m.handle(event(registrar.KindRegistrantChanged, variant))
	state := m.state("p-new")
	require.Equal(t, push.StatusInvalidated, state.Status)
	require.Equal(t, variant, state.EndDomain, "the name under which it was offered")
}
