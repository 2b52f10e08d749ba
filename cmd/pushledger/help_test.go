package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/stretchr/testify/require"
)

func TestHelpListsWhatAnOptionMayBe(t *testing.T) {
	parser, err := kong.New(&commandLine{})
	require.NoError(t, err)
	require.NoError(t, kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, is := node.(*kong.Flag); is {
			for value := range flag.EnumMap() {
				require.Contains(t, flag.Help, value, "--"+flag.Name)
			}
		}
		return next(nil)
	}))
}

func TestTheNextPageIsTheSameCommandWithItsCursor(t *testing.T) {
	require.Equal(t, `pushledger list --limit 3 --domain '云帆.中国' --cursor aBc_-`,
		strings.Join(following([]string{"list", "--limit", "3", "--cursor", "old", "--domain", "云帆.中国"}, "aBc_-"), " "))
	require.Equal(t, `pushledger list --token "$PUSHLEDGER_TOKEN" --token "$PUSHLEDGER_TOKEN" --cursor n`,
		strings.Join(following([]string{"list", "--token=secret", "--token", "secret", "--cursor=old"}, "n"), " "))
}

func TestWordsOfOthersAreEscapedInJSONToo(t *testing.T) {
	require.Equal(t, `\u202e\u007f\u009b\udb40\udc01\u2028`, plain("\u202e\x7f\u009b\U000e0001\u2028"))
	require.Equal(t, `a\u000ab`, plainLine("a\nb"))
	for _, output := range []string{"json", "table"} {
		var out strings.Builder
		require.NoError(t, outputFlags{Output: output}.print(&out, map[string]string{"remark": "\u202e\u009b"}, func(table.Writer) {}))
		require.False(t, strings.ContainsFunc(strings.ReplaceAll(out.String(), "\n", ""), hidden))
	}
}
