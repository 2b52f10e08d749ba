package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
)

func TestFactsAreDrawnALineForEachDomain(t *testing.T) {
	var out bytes.Buffer
	drawn := table.NewWriter()
	drawn.SetOutputMirror(&out)
	drawFacts(drawn, acceptance.Facts{
		Open: true,
		Domains: []acceptance.DomainFacts{
			{
				Domain: "alpha.com", RegisteredAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), ExpiresAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
				Particulars: &acceptance.Particulars{AccountMoveLocked: true, Locks: []string{"clientTransferProhibited"}},
				Violations:  []push.Violation{{Code: push.CodeDomainExpired}, {Code: push.CodeAccountMoveLocked}},
			},
			{Domain: "xn--fsqu00a.xn--fiqs8s", Withheld: true},
		},
	})
	drawn.Render()
	require.Regexp(t, `alpha.com +\| 2020-01-01T00:00:00Z \| 2026-01-01T00:00:00Z \| account_move_locked clientTransferProhibited \| domain_expired account_move_locked \|`, out.String())
	require.Regexp(t, `例子.中国 \(xn--fsqu00a.xn--fiqs8s\) +\| +\| +\| withheld `, out.String())
}

func TestWhetherAPushCanBeAcceptedIsASentence(t *testing.T) {
	for want, facts := range map[string]acceptance.Facts{
		"It can be accepted.": {Open: true, Acceptable: true},
		"It cannot be accepted: it does not wait for its buyer.": {},
		"It cannot be accepted: seller_no_alipay.":               {Open: true, Violations: []push.Violation{{Code: push.CodeSellerNoAlipay}}},
		"It cannot be accepted: domains are not fit for it.":     {Open: true},
	} {
		require.Equal(t, want, verdict(facts))
	}
}
