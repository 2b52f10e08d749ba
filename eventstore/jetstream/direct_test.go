package jetstream

import (
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
)

func said(headers ...string) *nats.Msg {
	message := nats.NewMsg("inbox")
	for i := 0; i < len(headers); i += 2 {
		message.Header.Set(headers[i], headers[i+1])
	}
	return message
}

func stored(sequence, previous int) *nats.Msg {
	return said("Nats-Sequence", strconv.Itoa(sequence), headerPrevious, strconv.Itoa(previous))
}

func ending(pending, last int) *nats.Msg {
	return said(headerStatus, statusEnd, headerSaid, "EOB", headerPending, strconv.Itoa(pending), headerPrevious, strconv.Itoa(last))
}

func TestAWholeAnswer(t *testing.T) {
	whole := answer{messages: []*nats.Msg{stored(3, 0), stored(9, 3)}, end: ending(5, 9)}
	last, pending, err := whole.check()
	require.NoError(t, err)
	require.Equal(t, uint64(9), last)
	require.Equal(t, uint64(5), pending)
}

func TestAnAnswerThatLostAMessageIsNoAnswer(t *testing.T) {
	for name, broken := range map[string]answer{
		"the first":    {messages: []*nats.Msg{stored(9, 3)}, end: ending(0, 9)},
		"one between":  {messages: []*nats.Msg{stored(3, 0), stored(12, 9)}, end: ending(0, 12)},
		"the last":     {messages: []*nats.Msg{stored(3, 0)}, end: ending(0, 9)},
		"all":          {end: ending(0, 9)},
		"no responder": {end: said(headerStatus, "503")},
		"a bad one":    {end: said(headerStatus, "408", headerSaid, "Bad Request")},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := broken.check()
			require.ErrorIs(t, err, eventstore.ErrUnavailable)
		})
	}
}

func TestARecordThatCannotBeReadIsDamage(t *testing.T) {
	broken := answer{messages: []*nats.Msg{stored(3, 0)}, end: said(headerStatus, statusNothing, headerSaid, nothingSequence)}
	_, _, err := broken.check()
	require.ErrorContains(t, err, "damaged: a message after sequence 3")
	require.NotErrorIs(t, err, eventstore.ErrUnavailable, "trying again does not help")
	require.False(t, broken.isNothing(nothingSequence))
	require.False(t, (&answer{end: broken.end}).isNothing(question{Subjects: []string{"a"}}.nothing()))
	require.True(t, (&answer{end: broken.end}).isNothing(question{Subject: "a"}.nothing()))
}

func TestWhatIsKnownOfStreamsIsBounded(t *testing.T) {
	var known heads
	name := func(i int) eventstore.StreamID { return eventstore.StreamID{Kind: "note", Key: strconv.Itoa(i)} }
	for i := range 5 * maxHeads {
		known.reached(name(i), 7)
		require.LessOrEqual(t, len(known.recent)+len(known.older), 2*maxHeads)
	}
	newest := name(5*maxHeads - 1)
	require.True(t, known.passed(newest, 6))
	require.False(t, known.passed(newest, 7))
	require.False(t, known.passed(newest, 8), "somebody else may have written since")
	require.False(t, known.passed(name(0), 6), "forgotten: the server decides")
}
