package money_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
)

// pattern is the syntax of an amount as it is specified.
var pattern = regexp.MustCompile(`^(0|[1-9]\d*)(\.\d{1,2})?$`)

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := money.Parse(text)
		if !pattern.MatchString(text) {
			require.ErrorIs(t, err, money.ErrSyntax)
			return
		}
		if err != nil {
			require.ErrorIs(t, err, money.ErrTooLarge)
			return
		}
		require.True(t, amount >= 0 && amount <= money.Max)
		again, err := money.Parse(amount.String())
		require.NoError(t, err)
		require.Equal(t, amount, again)
	})
}
