package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"
)

// rude is what somebody may write who means the reader no good.
const rude = "hi\u202eevil\x1b[2J\x1b]0;t\a\u009b31m\nline two\tz\u2066\u200b good bye to everybody who reads this"

// said runs a command line and gives what it prints.
func said(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// requirePlain holds that nothing steers a terminal, and that no line with more than one
// word is wider than width.
func requirePlain(t *testing.T, width int, printed string) {
	t.Helper()
	printed = strings.TrimPrefix(printed, "\ufeff") // that a table for Excel begins with
	for line := range strings.SplitSeq(printed, "\n") {
		require.False(t, strings.ContainsFunc(line, hidden), "%q", line)
		line = strings.TrimSuffix(line, " \\") // a command goes on
		if len(strings.Fields(line)) > 1 && width > 0 {
			require.LessOrEqual(t, text.StringWidth(line), width, "%q", line)
		}
	}
}

// Remarks, reasons, references and names are others' words. Whatever prints them prints
// them so that they are read and nothing else.
func TestNothingThatOthersWroteSteersTheTerminal(t *testing.T) {
	service := startProcess(t, t.TempDir(), writeInventory(t, 4))
	ready := filepath.Join(t.TempDir(), "ready.json")
	written, err := json.Marshal(service.ready)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(ready, written, 0o600))
	at := func(account string, args ...string) []string {
		return append(args, "--ready-file", ready, "--as", account)
	}
	command := func(args []string) {
		t.Helper()
		code, _, stderr := said(t, args...)
		require.Equal(t, exitDone, code, stderr)
	}
	command(at("anna", "offer", "--push-id", "declined", "--buyer", "bo", "--remark", rude, "d0.com=1.00"))
	command(at("bo", "decline", "declined", "--reason", rude))
	command(at("anna", "offer", "--push-id", "down", "--buyer", "bo", "--remark", rude, "d1.com=1.00"))
	command(at("operator", "takedown", "down", "--reason", rude))
	command(at("anna", "offer", "--push-id", "open", "--buyer", "bo", "--remark", rude, "d2.com=1.00", "d3.com=2.00"))

	widths := map[string]int{"table": 60, "json": 0, "csv": 0, "": 0}
	for _, columns := range []string{"60", "24", "1"} {
		t.Setenv("COLUMNS", columns)
		switch columns {
		case "24":
			widths["table"] = 24
		case "1":
			widths["table"] = 0
		}
		for _, output := range []string{"table", "json", "csv", ""} {
			for _, args := range [][]string{
				at("bo", "show", "declined"), at("bo", "show", "down"), at("bo", "show", "open"),
				at("bo", "timeline", "declined"), at("bo", "timeline", "down"), at("bo", "list"), at("bo", "list", "--limit", "1"),
				at("bo", "domain", "d2.com"), at("bo", "facts", "open"), at("bo", "statement", "bo"), at("auditor", "journal"),
				at("auditor", "projections", "list"), at("auditor", "watch", "--after", "0", "--no-follow"),
				at("auditor", "audit", "replay", "--push", "declined"), at("auditor", "audit", "verify"),
				at("auditor", "audit", "prove", "--push", "declined"), at("auditor", "audit", "diff"),
				at("anna", "offer", "--buyer", rude, rude+"=1.00"), at("anna", "offer", "--buyer", "bo", "d\u202e.com=1\x1b", "d0.com=x\u009b"),
				at("anna", "withdraw", rude), at("bo", "accept", "open", "--total", rude), at("bo", "show", rude), at("bo", "statement", rude),
			} {
				bare := strings.HasPrefix(strings.Join(args, " "), "audit prove") || strings.HasPrefix(strings.Join(args, " "), "audit diff")
				switch {
				case bare != (output == ""), output == "csv" && args[0] != "statement":
					continue
				case !bare:
					args = append(args, "-o", output)
				}
				_, out, stderr := said(t, args...)
				require.NotEmpty(t, out+stderr, args)
				requirePlain(t, widths[output], out)
				if !strings.Contains(stderr, "note: without --key") {
					requirePlain(t, widths["table"], stderr)
				}
			}
		}
	}
	t.Setenv("COLUMNS", "")
	_, shown, _ := said(t, at("bo", "show", "down")...)
	require.Contains(t, shown, `reason`)
	require.Contains(t, shown, `hi\u202eevil\u001b[2J`, "the reason of the takedown")
	require.Contains(t, shown, `\u000aline two`, "a line end makes no line")

	// One page after the other, by the commands that are printed, the journal is what it is at once.
	command(at("bo", "accept", "open", "--total", "3.00"))
	require.True(t, ask(t, service.connect(t, "operator"), "sandbox.alipay.pay", `{"push_id":"open","channel":"ALIPAYACCOUNT","notify":"normal"}`).OK)
	service.eventually(t, "bo", "open", "Completed")
	_, whole, _ := said(t, at("auditor", "journal")...)
	var paged []string
	next := at("auditor", "journal", "--limit", "1")
	for pages := 1; ; pages++ {
		code, out, stderr := said(t, next...)
		require.Equal(t, exitDone, code, stderr)
		page, more, found := strings.Cut(out, "next page: pushledger ")
		rows := rowsOf(page)
		require.Len(t, rows, 1)
		paged = append(paged, rows...)
		if !found {
			require.Greater(t, pages, 2)
			break
		}
		next = strings.Fields(more)
	}
	require.Equal(t, rowsOf(whole), paged)
}

// rowsOf are the lines of a table below its header, whatever the widths of its columns.
func rowsOf(printed string) []string {
	var rows []string
	for line := range strings.SplitSeq(printed, "\n") {
		if strings.HasPrefix(line, "|") {
			rows = append(rows, strings.Join(strings.Fields(line), " "))
		}
	}
	return rows[1:]
}

func TestATableIsNoWiderThanTheTerminal(t *testing.T) {
	for _, columns := range []string{"20", "40", "80", "200"} {
		t.Setenv("COLUMNS", columns)
		width := widthOf(&bytes.Buffer{})
		var out bytes.Buffer
		require.NoError(t, drawTable(&out, func(drawn table.Writer) {
			drawn.SetTitle("%s", "A title of some words that is rather long for it")
			drawn.AppendHeader(table.Row{"seq", "what happened", "in Chinese"})
			drawn.AppendRow(table.Row{7, "The push was taken down by an operator", "该 push 已被运营人员下架，原因：有人投诉，域名存在争议"})
			drawn.AppendRow(table.Row{8, "one", strings.Repeat("x", 18)})
			drawn.SetCaption("%s", "And words below it, which are as long as those above")
		}))
		requirePlain(t, width, out.String())
		require.Contains(t, out.String(), strings.Repeat("x", 18), "a word is whole")
		for word := range strings.FieldsSeq("push taken down operator 运营") {
			require.Contains(t, strings.ReplaceAll(out.String(), "\n", ""), word)
		}
	}
	t.Setenv("COLUMNS", "")
	require.Equal(t, unlimited, widthOf(&bytes.Buffer{}))
}

func TestDatesAreWholeDaysOfThisPlace(t *testing.T) {
	zone := time.Local
	t.Cleanup(func() { time.Local = zone })
	var err error
	time.Local, err = time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	var note bytes.Buffer
	from, to := between(&note, "2026-03-29", "2026-03-29") // a day of 23 hours
	require.Equal(t, []string{"2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"}, []string{from, to})
	require.Equal(t, "note: from 2026-03-29T00:00:00+01:00 to before 2026-03-30T00:00:00+02:00\n", note.String())
	require.Equal(t, "2026-11-02T23:59:59.999999999+01:00", asOf(&note, "2026-11-02"))
	note.Reset()
	from, to = between(&note, "2026-11-02T00:00:00Z", "soon")
	require.Equal(t, []string{"2026-11-02T00:00:00Z", "soon", "7"}, []string{from, to, asOf(&note, "7")})
	require.Empty(t, note.String())
}

func TestDaysAreADurationOnTheCommandLine(t *testing.T) {
	for text, want := range map[string]string{
		"7d": "168h0m0s", "1d12h": "36h0m0s", "72h": "72h", "": "", "d": "d", "7days": "7days", "-1d": "-1d", "99999d": "99999d", "1d-2h": "1d-2h",
	} {
		var note bytes.Buffer
		require.Equal(t, want, durationOf(&note, text))
		require.Equal(t, text != want, note.Len() > 0, text)
	}
}

func TestAReadyFileThatIsNotNeededMayBeMissing(t *testing.T) {
	t.Setenv("PUSHLEDGER_READY_FILE", filepath.Join(t.TempDir(), "missing"))
	for _, args := range [][]string{
		{"show", "x", "--http-url", "http://h:1", "--token", "t"},
		{"show", "x", "--http-url", "http://h:1", "--token-file", os.Args[0]},
		{"withdraw", "x", "--nats-url", "nats://h:1", "--token", "t"},
	} {
		parsed(t, args...)
	}
	code, _, stderr := said(t, "show", "x", "--http-url", "http://h:1")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "missing", "who asks is not said otherwise")
}
