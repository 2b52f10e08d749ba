package main

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

func TestAFileOfOffersFromASpreadsheet(t *testing.T) {
	bodies, err := readTable(strings.NewReader("\ufeffpush_id,buyer,domain,price\r\np-1,bo,a.com,1.00\r\np-1,bo,b.com,2.00\r\n,bo,c.com,3\r\n,bo,d.com,4\r\n"))
	require.NoError(t, err)
	require.Equal(t, []any{
		&offerBody{PushID: "p-1", Buyer: "bo", Items: []offerItem{{"a.com", "1.00"}, {"b.com", "2.00"}}},
		&offerBody{Buyer: "bo", Items: []offerItem{{"c.com", "3"}}},
		&offerBody{Buyer: "bo", Items: []offerItem{{"d.com", "4"}}},
	}, bodies)
}

// FuzzReadTable holds that every line of a table is a domain of one push, and none is lost.
func FuzzReadTable(f *testing.F) {
	const head = "push_id,buyer,domain,price\n"
	for _, text := range []string{
		head, head + "p,bo,a.com,1\np,bo,b.com,2\n", head + "p,bo,a.com,1\np,al,b.com,2\n", head + ",bo,a.com,1\n,al,b.com,2\n",
		"\ufeff" + head + "p,bo,\"a,com\",1\n", head + "p,bo\n", head + "p,bo,\"a\n.com\",1e999\n", "domain,price\n", "", "\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		bodies, err := readTable(strings.NewReader(text))
		if err != nil {
			return
		}
		known := make(map[string]bool)
		items := 0
		for _, one := range bodies {
			body := one.(*offerBody)
			require.NotEmpty(t, body.Items)
			require.False(t, body.PushID != "" && known[body.PushID])
			known[body.PushID] = true
			items += len(body.Items)
		}
		require.LessOrEqual(t, items, strings.Count(text, "\n")+strings.Count(text, "\r")+1)
	})
}

// FuzzReadLines holds that every line that is sent is one JSON value.
func FuzzReadLines(f *testing.F) {
	for _, text := range []string{
		"{}\n\n{\"buyer\":\"bo\"}", "{} {}", "{", "\ufeff{}", "null", "{\"a\":1,\"a\":2}", "{\"x\":" + strings.Repeat("[", 10_000), "\x00\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		bodies, err := readLines(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, body := range bodies {
			require.True(t, body.(jsontext.Value).IsValid())
			require.LessOrEqual(t, len(body.(jsontext.Value)), maxLine)
		}
	})
}
