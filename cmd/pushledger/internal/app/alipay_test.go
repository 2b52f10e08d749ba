package app

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

func TestACertificateThatExpiresIsSaidOnceADay(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	expires := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	certificates := []alipay.Certificate{
		{Kind: alipay.KindAlipay, File: "new.crt", NotAfter: expires.AddDate(5, 0, 0)},
		{Kind: alipay.KindAlipay, File: "old.crt", NotAfter: expires},
		{Kind: alipay.KindRoot, File: "root.crt", NotAfter: expires.AddDate(20, 0, 0)},
	}
	said := make(saidOfCertificates)
	lines := func(at time.Time) string {
		log.Reset()
		said.tell(certificates, at, logger)
		return log.String()
	}
	require.Empty(t, lines(expires.AddDate(0, 0, -31)))
	first := lines(expires.AddDate(0, 0, -29))
	require.Contains(t, first, "level=WARN")
	require.Contains(t, first, "old.crt")
	require.NotContains(t, first, "new.crt")
	require.Empty(t, lines(expires.AddDate(0, 0, -29).Add(time.Hour)))
	require.NotEmpty(t, lines(expires.AddDate(0, 0, -28)))
	require.NotEmpty(t, lines(expires.Add(-time.Hour)))
	over := lines(expires.Add(time.Second))
	require.Contains(t, over, "level=ERROR")
	require.Contains(t, over, "EXPIRED")
	require.Empty(t, lines(expires.Add(time.Minute)))
}
