package listing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/listing"
)

func TestP8ADomainIsHeldByTheLastPushThatReservedIt(t *testing.T) {
	for name, test := range map[string]struct {
		history []listing.Event
		holder  string
	}{
		"never on sale":  {nil, ""},
		"reserved":       {[]listing.Event{listing.Reserved{PushID: "p-1"}}, "p-1"},
		"released":       {[]listing.Event{listing.Reserved{PushID: "p-1"}, listing.Released{PushID: "p-1"}}, ""},
		"reserved again": {[]listing.Event{listing.Reserved{PushID: "p-1"}, listing.Released{PushID: "p-1"}, listing.Reserved{PushID: "p-2"}}, "p-2"},
	} {
		t.Run(name, func(t *testing.T) {
			state := aggregates.Fold(listing.State{}, listing.Evolve, test.history...)
			require.Equal(t, test.holder, state.PushID)
		})
	}
}

func TestTheLastEventAloneTellsWhereADomainStands(t *testing.T) {
	for _, last := range []listing.Event{listing.Reserved{PushID: "p-2"}, listing.Released{PushID: "p-1"}} {
		after := listing.Evolve(listing.State{PushID: "p-1"}, last)
		require.Equal(t, listing.Evolve(listing.State{}, last), after)
	}
}
