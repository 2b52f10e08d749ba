package memory_test

import (
	"testing"
	"time"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/eventstore/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) eventstore.Store { return memory.New(storetest.Registry(), time.Now) })
}
