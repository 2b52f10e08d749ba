package eventstore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
)

// FuzzParseStreamID holds that a stream is one literal subject of two tokens, whatever
// text it was made from.
func FuzzParseStreamID(f *testing.F) {
	for _, text := range []string{"push.p-1", "push.*", "push.>", "push.a.b", "push.", ".x", "push.a b", "push.a\r\nX: y", "domain.例子", "push.\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := eventstore.ParseStreamID(text)
		if err != nil {
			return
		}
		require.Equal(t, text, id.String())
		require.Equal(t, 1, strings.Count(text, "."))
		require.False(t, strings.ContainsAny(text, "*> \t\r\n\x00"))
		require.LessOrEqual(t, len(text), 32+1+128)
	})
}
