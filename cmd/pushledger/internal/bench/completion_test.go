package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPurchaseHasEndedWhoeverComesFirst(t *testing.T) {
	c := &completions{waiting: make(map[string]chan string), ended: make(map[string]string)}
	c.observe("push.notice.buyer.p1.Offered")
	c.observe("push.notice.buyer.p1.Completed")
	require.NoError(t, c.completed(t.Context(), "p1"), "the notice came first")

	ended := make(chan error, 1)
	go func() { ended <- c.completed(t.Context(), "p2") }()
	c.observe("push.notice.buyer.p2.Invalidated")
	require.ErrorContains(t, <-ended, "p2 ended Invalidated")
	c.observe("push.notice")
}
