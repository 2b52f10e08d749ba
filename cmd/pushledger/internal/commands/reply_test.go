package commands

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// NATS servers take messages of 1 MiB unless they are told otherwise.
const smallestRoom = 1 << 20

// everythingBroken is the refusal of a batch in which every domain breaks every rule that it can.
func everythingBroken(t *testing.T) Reply {
	t.Helper()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	offer := push.Offer{PushID: "p", Seller: "anna", Buyer: "anna", ValidFor: 1000 * time.Hour}
	facts := push.OfferFacts{CheckedAt: now}
	for i := range push.MaxItems {
		name, err := domainname.Parse(fmt.Sprintf("%s%d.公司.cn", strings.Repeat("云帆", 8), i))
		require.NoError(t, err)
		offer.Items = append(offer.Items, push.Item{Domain: name})
		facts.Domains = append(facts.Domains, push.DomainFacts{
			Domain: name, Exists: true, Account: "anna", RegisteredAt: now, ExpiresAt: now, AccountMoveLocked: true,
			Product: "microsite", Pending: []string{"registrant_change"}, Restrictions: []string{"dispute"}, Sale: "auction",
		})
	}
	_, err := push.DecideOffer(push.State{}, offer, facts, now)
	reply := failure("", err)
	require.Greater(t, len(reply.Error.Violations), 7*push.MaxItems)
	return reply
}

func TestTheLargestRefusalFitsIntoAMessage(t *testing.T) {
	reply := everythingBroken(t)
	body, err := encode(reply, smallestRoom)
	require.NoError(t, err)
	require.Less(t, len(body), smallestRoom-besides)
	var read Reply
	require.NoError(t, json.Unmarshal(body, &read))
	require.Len(t, read.Error.Violations, len(reply.Error.Violations), "everything is named")
	said := make(map[string]bool)
	for i, violation := range read.Error.Violations {
		whole := reply.Error.Violations[i]
		require.Equal(t, [3]string{whole.Domain, whole.Rule, whole.Code}, [3]string{violation.Domain, violation.Rule, violation.Code})
		require.Equal(t, whole.From, violation.From)
		if !said[violation.Code] {
			require.Equal(t, whole.Message, violation.Message)
			require.Equal(t, whole.MessageZH, violation.MessageZH)
		}
		said[violation.Code] = true
	}

	large, err := encode(reply, 4<<20)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(large, &read))
	require.Equal(t, reply, read, "where there is room everything is said")
}

// What was sent is echoed, at most 80 characters of it: whatever they are, 500 of them fit.
func TestTheEchoOfMalformedItemsFitsIntoAMessage(t *testing.T) {
	for _, text := range []string{"\U0001F600", "\x01", `"`, `\`, "\u202e", "a"} {
		var body offerBody
		for range push.MaxItems {
			price, err := json.Marshal(strings.Repeat(text, 100))
			require.NoError(t, err)
			body.Items = append(body.Items, itemBody{Domain: strings.Repeat(text, 100), Price: price})
		}
		body.Buyer = "bo"
		_, err := body.offer("anna")
		written, err := encode(failure("", err), smallestRoom)
		require.NoError(t, err)
		require.Less(t, len(written), smallestRoom-besides, "%q", text)
		var read Reply
		require.NoError(t, json.Unmarshal(written, &read))
		require.Len(t, read.Error.Violations, 2*push.MaxItems)
	}
}
