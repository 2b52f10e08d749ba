package main

import (
	"bytes"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

func TestWordsOfOthersDoNothingToTheTerminal(t *testing.T) {
	require.Equal(t, `a\u001b[2Jb`, plain("a\x1b[2Jb"))
	require.Equal(t, `\u0000\u0007\u000d\u009b\u202emoc.x`, plain("\x00\a\r\u009b\u202emoc.x"))
	require.Equal(t, "两个一起出 ✓\tx\n", plain("两个一起出 ✓\tx\n"))

	var out bytes.Buffer
	require.NoError(t, outputFlags{}.print(&out, nil, func(drawn table.Writer) {
		drawn.AppendRow(table.Row{"reason", "\x1b]0;owned\a"})
	}))
	require.NotContains(t, out.String(), "\x1b")
	require.Contains(t, out.String(), `\u001b]0;owned\u0007`)

	out.Reset()
	violation := push.Violate("T8", push.CodeInvalidPrice)
	violation.Domain, violation.Input = "xn--80a4aaa7e5h.com", "\x1b[31m1"
	printRefusal(&out, push.RefuseAll([]push.Violation{violation}))
	require.NotContains(t, out.String(), "\x1b")
	require.Contains(t, out.String(), "xn--80a4aaa7e5h.com")
}
