package natsregistrar_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

func TestDecodeEvent(t *testing.T) {
	want := registrar.Event{ID: "e-1", Kind: "account_moved", Domain: "a.com", At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
	named := want
	named.From, named.To, named.OperationID = "ann", "bob", "op-1"
	for detail, event := range map[string]registrar.Event{
		``:                    want,
		`,"detail":null`:      want,
		`,"detail":"by ann"`:  want,
		`,"detail":{"why":1}`: want,
		`,"detail":{"from":"ann","to":"bob","operation_id":"op-1"},"more":[]`: named,
	} {
		got, err := natsregistrar.DecodeEvent([]byte(`{"event_id":"e-1","kind":"account_moved","domain":"A.com.","at":"2026-01-02T11:04:05.000006+08:00"` + detail + `}`))
		require.NoError(t, err, detail)
		require.Equal(t, event, got, detail)
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	whole := `{"event_id":"e-1","kind":"deleted","domain":"a.com","at":"2026-01-02T03:04:05Z","detail":""}`
	_, err := natsregistrar.DecodeEvent([]byte(whole))
	require.NoError(t, err)
	for _, change := range [][2]string{
		{`{`, `[`},
		{`"e-1"`, `""`},
		{`"deleted"`, `""`},
		{`a.com`, `www.a.com`},
		{`2026-01-02T03:04:05Z`, `yesterday`},
		{`"at":"2026-01-02T03:04:05Z",`, ``},
		{`2026-01-02T03:04:05Z`, `9999-12-31T23:59:59-23:59`}, // the year 10000 in UTC, which no event can hold
		{`2026-01-02T03:04:05Z`, `0000-01-01T00:00:00+23:59`},
		{`"detail":""`, `"detail":7`},
		{`"detail":""`, `"detail":{"to":7}`},
		{`"detail":""`, `"detail":{"to":"` + strings.Repeat("b", 300) + `"}`},
		{`e-1`, strings.Repeat("e", 300)},
		{`"detail":""`, `"detail":"` + strings.Repeat("x", 1<<16) + `"`},
	} {
		_, err := natsregistrar.DecodeEvent([]byte(strings.Replace(whole, change[0], change[1], 1)))
		require.Error(t, err, "%.80s", change[1])
	}
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte(`{"event_id":"e-1","kind":"deleted","domain":"a.com","at":"2026-01-02T03:04:05Z","detail":{"to":"bob"}}`))
	f.Add([]byte(`{"event_id":"e","event_id":"f","kind":"deleted","domain":"a.com","at":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"event_id":"e","kind":"account_moved","domain":"例子.中国","at":"9999-12-31T23:59:59-23:59","detail":"x"}`))
	f.Add([]byte(`{"event_id":"e","kind":"k","domain":"a.com","at":"2026-01-02T03:04:05Z","detail":` + strings.Repeat("[", 10_000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		event, err := natsregistrar.DecodeEvent(data)
		if err != nil {
			return
		}
		require.NotEmpty(t, event.ID)
		require.NotEmpty(t, event.Kind)
		require.False(t, event.At.IsZero())
		requireStorable(t, event.At)
		requireCanonical(t, event.Domain)
		for _, text := range []string{event.ID, event.Kind, event.From, event.To, event.OperationID} {
			require.LessOrEqual(t, len(text), 256)
			require.True(t, utf8.ValidString(text))
		}
	})
}
