package alipay

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
)

// sample is an answer that a row of the table is about.
func (r codeRow) sample() (api string, said status) {
	api = r.api
	if api == "" {
		api = apiTransfer
	}
	return api, status{Code: r.code, Message: "Failed", SubCode: strings.Replace(r.sub, "*", "something-else", 1), SubText: "原因"}
}

// Every row of the table is reached, and becomes the error that its meaning stands for.
func TestWhatEveryCodeMeans(t *testing.T) {
	seen := make(map[codeRow]bool)
	for _, row := range codes {
		t.Run(row.code+" "+row.sub, func(t *testing.T) {
			require.NotEmpty(t, row.source)
			require.False(t, seen[codeRow{code: row.code, sub: row.sub, api: row.api}], "twice in the table")
			seen[codeRow{code: row.code, sub: row.sub, api: row.api}] = true
			api, said := row.sample()
			require.Equal(t, row.meaning, meaningOf(api, said.Code, said.SubCode), "another row hides it")
			requireMeaning(t, row.meaning, said.check(api), said)
		})
	}
}

func requireMeaning(t *testing.T, wanted meaning, err error, said status) {
	t.Helper()
	var refused *payment.Refused
	var wrong *payment.Misconfigured
	var later *payment.Postponed
	require.Equal(t, wanted == final || wanted == missing || wanted == already || wanted == conflict, errors.As(err, &refused))
	require.Equal(t, wanted == misconfigured, errors.As(err, &wrong))
	require.Equal(t, wanted == postponed, errors.As(err, &later))
	if said.SubCode == "" {
		return
	}
	require.ErrorContains(t, err, said.SubCode, "the code is told as it came (T5)")
	require.ErrorContains(t, err, said.SubText, "the words are told as they came (T5)")
}

func TestCodesThatAreNotInTheTable(t *testing.T) {
	for name, given := range map[string]struct {
		code, sub string
		want      meaning
	}{
		"a business's no that nobody knows":       {"40004", "ACQ.SOMETHING_NEW", final},
		"a business's no that says nothing":       {"40004", "", askAgain},
		"a new code of the gateway":               {"40009", "isv.something-new", askAgain},
		"taken, and to be asked about":            {"10003", "", askAgain},
		"no code at all":                          {"", "ACQ.TRADE_NOT_EXIST", askAgain},
		"a missing order that a transfer names":   {"40004", "ORDER_NOT_EXIST", final},
		"a business's code of the gateway itself": {"40002", "ACQ.TRADE_NOT_EXIST", misconfigured},
	} {
		require.Equal(t, given.want, meaningOf(apiTransfer, given.code, given.sub), name)
	}
}

// docs/alipay.md has every code beside what it means.
func TestTheTableIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/alipay.md")
	require.NoError(t, err)
	for _, row := range codes {
		found := false
		for line := range strings.Lines(string(text)) {
			found = found || strings.HasPrefix(line, "| "+string(row.meaning)+" |") &&
				strings.Contains(line, "`"+row.name()+"`") && strings.Contains(line, row.source)
		}
		require.True(t, found, "docs/alipay.md has no row | %s | with `%s`, read in %s", row.meaning, row.name(), row.source)
	}
}

// name is how the document calls a row.
func (r codeRow) name() string {
	switch {
	case r.code == codeBusiness && r.sub == "":
		return r.code
	case r.code == codeBusiness && r.sub == "*":
		return r.code + " *"
	case r.code == codeBusiness, r.sub != "*":
		return r.sub
	default:
		return r.code
	}
}
