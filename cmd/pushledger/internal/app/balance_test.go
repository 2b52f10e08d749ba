package app

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
)

func TestALowBalanceIsSaidInTime(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var said saidOfBalance
	lines := func() int { return strings.Count(log.String(), "\n") }

	said.tell(100, 100, nil, at, logger)
	require.Zero(t, lines(), "it is enough")
	said.tell(99, 100, nil, at, logger)
	require.Equal(t, 1, lines())
	require.Contains(t, log.String(), "level=WARN")
	said.tell(99, 100, nil, at.Add(time.Minute), logger)
	require.Equal(t, 1, lines(), "it has been said")
	said.tell(99, 100, nil, at.Add(time.Hour), logger)
	require.Equal(t, 2, lines(), "and is said again")
	said.tell(100, 100, nil, at.Add(time.Hour), logger)
	said.tell(99, 100, nil, at.Add(time.Hour+time.Minute), logger)
	require.Equal(t, 3, lines(), "it was enough between")
}

func TestABalanceThatIsNotToldIsNoAlarm(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	var said saidOfBalance
	for range 3 {
		said.tell(0, 100, &payment.Misconfigured{API: "balance", Code: "isv.insufficient-isv-permissions"}, time.Time{}, logger)
		said.tell(0, 100, errors.New("no answer"), time.Time{}, logger)
	}
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
	require.Contains(t, log.String(), "level=INFO")
}
