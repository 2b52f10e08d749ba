package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/sagas/ledger"
)

func TestDomainsWithEventsAreKnownAfterAStart(t *testing.T) {
	data := t.TempDir()
	there := func(config *app.Config) { config.Data = data }
	before := open(t, there)
	before.offer(t, "p-1", 0)
	require.NoError(t, before.Close())

	now := open(t, there)
	unseen := func(name domainname.Name) bool { return now.Log().Unseen(ledger.DomainStream(name)) }
	require.Eventually(t, func() bool { return unseen("d1.com") }, patience, time.Millisecond)
	require.False(t, unseen("d0.com"))
}
