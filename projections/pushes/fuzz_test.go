package pushes

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// FuzzListRequest holds that a question is refused by a code, or asked with as many
// values as its SQL has places, none of which is a part of the SQL, and by everybody but
// an operator about the own pushes only.
func FuzzListRequest(f *testing.F) {
	f.Add([]byte(`{"role":"seller","status":"Offered","domain":"例子.中国","from":"2026-11-02T12:00:00Z","limit":200,"sort":"asc"}`))
	f.Add([]byte(`{"account":"anna' OR 1=1 --","domain":"a.com'; DROP TABLE pushes"}`))
	f.Add([]byte(`{"status":"Offered","status":"Paid"}`))
	f.Add([]byte(`{"limit":-1}`))
	f.Add([]byte(`{"limit":1e999}`))
	f.Add([]byte(`{"from":"9999-12-31T23:59:59-23:59","to":"0000-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`{"cursor":"` + cursor{first: -5, second: "p-1"}.String() + `"}`))
	f.Add([]byte(`{"cursor":"` + strings.Repeat("A", 5000) + `"}`))
	f.Add([]byte(`{"role":` + strings.Repeat("[", 10_000)))
	f.Fuzz(func(t *testing.T, body []byte) {
		var request ListRequest
		if json.Unmarshal(body, &request, json.RejectUnknownMembers(true)) != nil {
			return
		}
		for _, viewer := range []Viewer{{Account: "anna"}, {Account: "operator", SeesAll: true}} {
			query, err := request.query(viewer)
			if err != nil {
				var refusal *push.Refusal
				require.True(t, errors.As(err, &refusal), "%v", err)
				require.NotEmpty(t, refusal.Code)
				continue
			}
			require.True(t, query.limit >= 1 && query.limit <= MaxLimit)
			require.Regexp(t, `^[A-Za-z0-9_$ ,()=<>]*$`, query.text())
			if !viewer.SeesAll {
				require.NotEmpty(t, query.parties)
				require.Contains(t, query.args, "anna")
			}
		}
	})
}

// FuzzCursor holds that a cursor has one spelling.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{cursor{first: 1, second: "p"}.String(), "", "MS5w", "MS5x", "MS5w\n", "KzEucA", "MDEucA", "LTAucA"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := parseCursor(text)
		if err == nil {
			require.Equal(t, text, read.String())
		}
	})
}
