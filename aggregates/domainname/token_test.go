package domainname_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// FuzzFromToken holds that no two tokens are the same name, and that a token is one token.
func FuzzFromToken(f *testing.F) {
	for _, text := range []string{"a_com", "xn--fsqu00a_cn", "a.com", "a_", "_", "A_com", "a__com", "a_com_", "a_*", "例子_中国", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, token string) {
		name, err := domainname.FromToken(token)
		if err != nil {
			require.ErrorIs(t, err, domainname.ErrInvalid)
			return
		}
		require.Equal(t, token, name.Token())
		require.False(t, strings.ContainsAny(token, ".*> \r\n"))
		_ = name.Unicode()
		_ = name.Suffix()
	})
}
