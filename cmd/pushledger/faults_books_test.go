package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
)

// books are the three books about one push, and its status.
type books struct {
	Status        string
	In, Back, Out []string // amounts that moved at the provider
	// Owed are the journal's accounts that the push has left with something.
	Owed   map[string]string
	Places []string // accounts that hold the domains; "" for one that is nowhere
}

func settled(d *deal) books {
	return books{Status: "Completed", In: []string{d.total}, Out: []string{d.total}, Places: []string{"bo"}}
}

func undone(d *deal) books {
	return books{Status: "Refunded", In: []string{d.total}, Back: []string{d.total}, Places: []string{"anna"}}
}

// unsold is a push that ended without a purchase.
func unsold(status string) books { return books{Status: status, Places: []string{"anna"}} }

// ends waits until the books are as wanted.
func (d *deal) ends(t *testing.T, want books) {
	t.Helper()
	d.await(t, want)
	d.want = want
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deals = append(d.deals, d)
}

// await is ends for what is not the end.
func (d *deal) await(t *testing.T, want books) {
	t.Helper()
	deadline := time.Now().Add(readyPatience)
	for {
		seen := d.books(t)
		if fmt.Sprint(seen) == fmt.Sprint(want) {
			return
		}
		if time.Now().After(deadline) {
			require.Equal(t, want, seen, "push %s\n%s\n%s", d.id, d.story(t), d.stderr)
		}
		time.Sleep(lookAgain)
	}
}

func (d *deal) books(t *testing.T) books {
	t.Helper()
	var seen books
	var view outsidePush
	d.read(t, "anna", "/v1/pushes/"+d.id, &view)
	seen.Status = view.Status
	seen.In, seen.Back, seen.Out = d.provider(t)
	seen.Owed = d.owed(t)
	seen.Places = d.places(t)
	return seen
}

func (m *sandbox) read(t *testing.T, account, path string, into any) {
	t.Helper()
	code, err := m.get(account, path, into)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code, path)
}

type movement struct {
	Amount string `json:"amount"`
}

// provider reads the provider's own ledger.
func (d *deal) provider(t *testing.T) (in, back, out []string) {
	t.Helper()
	var known struct {
		Trades  []movement `json:"trades"`
		Refunds []movement `json:"refunds"`
		Payouts []movement `json:"payouts"`
	}
	require.NoError(t, json.Unmarshal(d.control(t, "alipay.ledger", `{"push_id":%q}`, d.id), &known))
	amounts := func(list []movement) []string {
		var texts []string
		for _, moved := range list {
			texts = append(texts, moved.Amount)
		}
		slices.Sort(texts)
		return texts
	}
	return amounts(known.Trades), amounts(known.Refunds), amounts(known.Payouts)
}

// owed adds up the push's lines of the journal.
func (d *deal) owed(t *testing.T) map[string]string {
	t.Helper()
	var page struct {
		Entries []struct {
			From   string    `json:"from"`
			To     string    `json:"to"`
			Amount money.Fen `json:"amount"`
		} `json:"entries"`
	}
	d.read(t, "auditor", "/v1/journal?limit=200&push_id="+d.id, &page)
	sums := make(map[string]money.Fen)
	for _, line := range page.Entries {
		sums[line.From] -= line.Amount
		sums[line.To] += line.Amount
	}
	var owed map[string]string
	for account, sum := range sums {
		if sum != 0 {
			if owed == nil {
				owed = make(map[string]string)
			}
			owed[account] = sum.String()
		}
	}
	return owed
}

// places asks the registrar who holds the domains.
func (d *deal) places(t *testing.T) []string {
	t.Helper()
	request, err := json.Marshal(map[string]any{"domains": d.domains})
	require.NoError(t, err)
	answer, err := d.operator.Request("registrar.v1.facts", request, readyPatience)
	require.NoError(t, err)
	var said struct {
		Facts []struct {
			Exists  bool   `json:"exists"`
			Account string `json:"account"`
		} `json:"facts"`
	}
	require.NoError(t, json.Unmarshal(answer.Data, &said))
	require.Len(t, said.Facts, len(d.domains), "%s", answer.Data)
	var places []string
	for _, facts := range said.Facts {
		if !facts.Exists {
			facts.Account = ""
		}
		places = append(places, facts.Account)
	}
	slices.Sort(places)
	return slices.Compact(places)
}

type outsideEvent struct {
	Type string         `json:"type"`
	Body map[string]any `json:"body"`
}

// timeline is everything that was recorded of the push.
func (d *deal) timeline(t *testing.T) []outsideEvent {
	t.Helper()
	var told struct {
		Events []outsideEvent `json:"events"`
	}
	d.read(t, "anna", "/v1/pushes/"+d.id+"/timeline", &told)
	return told.Events
}

func (d *deal) story(t *testing.T) string {
	t.Helper()
	var types []string
	for _, event := range d.timeline(t) {
		types = append(types, event.Type+fmt.Sprint(event.Body))
	}
	return strings.Join(types, "\n")
}

// count is how often an event was recorded of the push.
func (d *deal) count(t *testing.T, event string) int {
	t.Helper()
	count := 0
	for _, recorded := range d.timeline(t) {
		if recorded.Type == event {
			count++
		}
	}
	return count
}

// happened waits until an event was recorded so often.
func (d *deal) happened(t *testing.T, event string, times int) {
	t.Helper()
	deadline := time.Now().Add(readyPatience)
	for d.count(t, event) < times {
		if time.Now().After(deadline) {
			require.Fail(t, "it has not happened", "%s %d times\n%s\n%s", event, times, d.story(t), d.stderr)
		}
		time.Sleep(lookAgain)
	}
}

// ending is why a push ended, and by which of its domains.
type ending struct {
	Reason string `json:"end_reason"`
	Domain string `json:"end_domain"`
}

func (d *deal) reason(t *testing.T) ending {
	t.Helper()
	var seen ending
	d.read(t, "bo", "/v1/pushes/"+d.id, &seen)
	return seen
}

// because demands why the push ended, and by which of its domains; -1 by none.
func (d *deal) because(t *testing.T, reason string, domain int) {
	t.Helper()
	want := ending{Reason: reason}
	if domain >= 0 {
		want.Domain = d.domains[domain]
	}
	require.Equal(t, want, d.reason(t))
}
