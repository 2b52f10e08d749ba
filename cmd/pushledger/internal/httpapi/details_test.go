package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

func TestATypeIsReadInAnyCaseAndATableBeginsWithAByteOrderMark(t *testing.T) {
	door := handler(pushestest.Start(t))
	for _, accept := range []string{"text/csv", "Text/CSV", "TEXT/CSV; q=0.9"} {
		answer := ask(t, door, "trader bo", "/v1/accounts/bo/statement", "Accept", accept)
		require.Equal(t, "text/csv; charset=utf-8", answer.Header().Get("Content-Type"), accept)
		require.True(t, strings.HasPrefix(answer.Body.String(), "\ufefftime,"), accept)
	}
	both := ask(t, door, "trader bo", "/v1/accounts/bo/statement", "Accept", "Text/CSV, Application/JSON")
	require.Equal(t, "application/json", both.Header().Get("Content-Type"))
}

func TestFromIsNotAfterTo(t *testing.T) {
	door := handler(pushestest.Start(t))
	const times = "from=2026-11-03T00:00:00Z&to=2026-11-02T00:00:00Z"
	for _, path := range []string{
		"/v1/pushes?" + times, "/v1/accounts/bo/statement?" + times, "/v1/stats/daily?from=2026-11-03&to=2026-11-02",
	} {
		requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "trader bo", path))
	}
}

func TestACursorBeyondTheLogIsRefused(t *testing.T) {
	door := handler(pushestest.Start(t))
	for _, path := range []string{"/v1/journal?cursor=OTk5OTk5LjA", "/v1/events?after=999999"} {
		requireProblem(t, http.StatusBadRequest, "invalid_query", ask(t, door, "auditor au", path))
	}
}

func TestTheHeadOfAStreamEnds(t *testing.T) {
	url := serveDoor(t, pushestest.Start(t), make(chan struct{}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url+"/v1/events?follow=true", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer trader bo")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
}
