package eventstore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pushledger/pushledger/eventstore"
)

func TestAStreamIDReadsBackFromItsString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := eventstore.StreamID{
			Kind: rapid.StringMatching(`[A-Za-z0-9_-]{1,32}`).Draw(t, "kind"),
			Key:  rapid.StringMatching(`[A-Za-z0-9_-]{1,128}`).Draw(t, "key"),
		}
		require.NoError(t, id.Validate())
		again, err := eventstore.ParseStreamID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}

func TestParseStreamID(t *testing.T) {
	for text, want := range map[string]eventstore.StreamID{
		"push.01JQ-x_9":          {Kind: "push", Key: "01JQ-x_9"},
		"domain.example_com_cn":  {Kind: "domain", Key: "example_com_cn"},
		"domain.xn--fsqu00a_com": {Kind: "domain", Key: "xn--fsqu00a_com"},
	} {
		id, err := eventstore.ParseStreamID(text)
		require.NoError(t, err)
		require.Equal(t, want, id)
	}
}

// Whatever is more or less than two literal tokens would be another subject, or many.
func TestAStreamIDIsTwoLiteralTokens(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"no dot":          "push",
		"no kind":         ".1",
		"no key":          "push.",
		"three tokens":    "push.1.2",
		"a wildcard kind": "*.1",
		"a wildcard key":  "push.*",
		"everything":      "push.>",
		"a space":         "push.a b",
		"a line end":      "push.1\n",
		"a null byte":     "push.\x00",
		"not ASCII":       "push.例",
		"too long a kind": strings.Repeat("k", 33) + ".1",
		"too long a key":  "push." + strings.Repeat("k", 129),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventstore.ParseStreamID(text)
			require.ErrorContains(t, err, "eventstore: stream")
		})
	}
	require.Error(t, eventstore.StreamID{Kind: "push", Key: "1.2"}.Validate(), "not even if built by hand")
}
