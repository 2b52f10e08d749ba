package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// Whoever writes and then asks with Min-Seq reads what he wrote, while 63 others do the
// same and the read model is exchanged under them.
func TestNobodyWhoAsksWithMinSeqReadsWhatWasBefore(t *testing.T) {
	const writers, rounds = 64, 8
	ledger := pushestest.Start(t)
	door := handler(ledger)
	var writing sync.WaitGroup
	for writer := range writers {
		writing.Go(func() {
			id := fmt.Sprintf("p-%d", writer)
			stream := eventstore.StreamID{Kind: "push", Key: id}
			var last uint64
			for version := 1; version <= rounds; version++ {
				var event push.Event = push.PaymentOpened{}
				if version == 1 {
					event = pushestest.Offered(id, "anna", "bo")
				}
				sequence, err := ledger.Log.Append(t.Context(), eventstore.Metadata{},
					eventstore.Change{Stream: stream, Expect: last, Events: []aggregates.Event{event}})
				if !assert.NoError(t, err) {
					return
				}
				last = sequence
				request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/pushes/"+id, http.NoBody)
				request.Header.Set("Authorization", "Bearer trader bo")
				request.Header.Set("Min-Seq", strconv.FormatUint(sequence, 10))
				request.Header.Set("Min-Seq-Timeout", "30s")
				answer := httptest.NewRecorder()
				door.ServeHTTP(answer, request)
				var shown struct {
					Version int    `json:"version"`
					Seq     uint64 `json:"seq"`
				}
				assert.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
				assert.NoError(t, json.Unmarshal(answer.Body.Bytes(), &shown))
				assert.Equal(t, version, shown.Version)
				assert.Equal(t, sequence, shown.Seq)
			}
		})
	}
	ledger.Runner.Rebuild()
	writing.Wait()
}

func TestAListThatIsReadPageByPageShowsEveryPushOnceWhileMoreAreOffered(t *testing.T) {
	const before = 60
	ledger := pushestest.Start(t)
	offer := func(name string, i int) {
		id := fmt.Sprintf("%s-%02d", name, i)
		ledger.Show(t, id, pushestest.Offered(id, "anna", "bo"))
	}
	for i := range before {
		offer("old", i)
	}
	door := handler(ledger)
	for _, sort := range []string{"asc", "desc"} {
		seen := make(map[string]int)
		for i, cursor := 0, ""; i == 0 || cursor != ""; i++ {
			page := decode(t, ask(t, door, "trader bo", "/v1/pushes?limit=7&sort="+sort+"&cursor="+cursor))
			for _, shown := range page["pushes"].([]any) {
				seen[shown.(map[string]any)["push_id"].(string)]++
			}
			cursor = page["next_cursor"].(string)
			offer("new-"+sort, i) // the offers' times are all the same: ids decide
		}
		for i := range before {
			require.Equal(t, 1, seen[fmt.Sprintf("old-%02d", i)], sort)
		}
		for id, times := range seen {
			require.Equal(t, 1, times, id)
		}
	}
}
