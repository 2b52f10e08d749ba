package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// tableOf is a file that offers d0.com, d1.com, … to bo, a push each.
func tableOf(domains int) string {
	text := "domain,price,buyer\n"
	for i := range domains {
		text += fmt.Sprintf("d%d.com,%d.00,bo\n", i, i+1)
	}
	return text
}

// writeTable puts a table into a file of a name.
func writeTable(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// resultsOf reads what -o json printed: a line a row.
func resultsOf(t testing.TB, done ran) []rowResult {
	t.Helper()
	var list []rowResult
	for line := range strings.Lines(done.stdout) {
		var one rowResult
		require.NoError(t, json.Unmarshal([]byte(line), &one), line)
		list = append(list, one)
	}
	return list
}

// offered is how many pushes anna has.
func (d *doors) offered(t testing.TB) int {
	t.Helper()
	var page struct {
		Pushes []outsidePush `json:"pushes"`
	}
	code, err := d.get("anna", "/v1/pushes?limit=200", &page)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	return len(page.Pushes)
}

// seenOffer is the offer of a push as it was recorded.
type seenOffer struct {
	Remark    string    `json:"remark"`
	OfferedAt time.Time `json:"offered_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (d *doors) offer(t testing.TB, id string) (recorded seenOffer) {
	t.Helper()
	var told struct {
		Events []struct {
			Body seenOffer `json:"body"`
		} `json:"events"`
	}
	require.Eventually(t, func() bool {
		code, err := d.get("anna", "/v1/pushes/"+id+"/timeline", &told)
		return err == nil && code == http.StatusOK
	}, readyPatience, lookAgain)
	return told.Events[0].Body
}

// A bad row anywhere in a file keeps all of it from being sent, and is named by its line. Once
// it is mended the file is sent; sent again, nothing happens a second time.
func TestAFileWithABadRowSendsNothing(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	service := startProcess(t, data, writeInventory(t, 4))
	const good = "domain,price,buyer\nd0.com,1.00,bo\n%s\nd2.com,3.00,bo\n"
	for name, bad := range map[string]string{
		"price": "d1.com,free,bo", "domain": "d_1.com,2.00,bo", "buyer": "d1.com,2.00,", "quote": `d1.com,"2.00,bo`, "cells": "d1.com,2,00,bo",
		"encoding": "例.com,1,bo\nd1\xc4.com,2.00,bo", "validity": "d1.com,2.00,b o",
	} {
		path := writeTable(t, "offers.csv", fmt.Sprintf(good, bad))
		done := runOffer(t, data, "", "--file", path)
		require.Equal(t, exitUsage, done.code, name)
		require.Empty(t, done.stdout, name)
		require.Regexp(t, `nothing was sent: (.|\n)*line [34]: `, done.stderr, name)

		done = runOffer(t, data, "", "--file", path, "-o", "json")
		require.Equal(t, exitUsage, done.code, name)
		for _, row := range resultsOf(t, done) {
			require.Equal(t, rowBad, row.Result)
			require.Contains(t, []int{3, 4}, row.Line)
			require.NotEmpty(t, row.Error.Code)
		}
	}
	require.Zero(t, service.offered(t))

	mended := writeTable(t, "offers.csv", fmt.Sprintf(good, "d1.com,2.00,bo"))
	done := runOffer(t, data, "", "--file", mended)
	require.Equal(t, exitDone, done.code, done.stderr)
	require.Regexp(t, `^line 2\t[0-9a-f-]{36}\td0.com\tOffered / 待接收\nline 3\t.*\nline 4\t.*\n3 rows: 3 offered\n$`, done.stdout)

	again := runOffer(t, data, "", "--file", mended)
	require.Equal(t, exitDone, again.code, again.stderr)
	require.Contains(t, again.stdout, "3 rows: 3 already done")
	require.Equal(t, strings.Split(done.stdout, "\t")[1], strings.Split(again.stdout, "\t")[1], "the same push")
	other := runOffer(t, data, "", "--file", mended, "--batch", "another")
	require.Equal(t, exitRefused, other.code)
	require.Contains(t, other.stdout, "3 rows: 3 refused")
}

// After a refusal the others are sent. A row that is mended is a new one, the others are not.
func TestAFileGoesOnAfterARefusalAndCanBeMended(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	service := startProcess(t, data, writeInventory(t, 5))
	table := "推送编号,域名,价格(元),买家,备注\n,d0.com,1.00,bo,急售\n,nobody.com,2,bo,\n,d1.com,3,bo,\nset,d2.com,4,bo,\nset,others.com,5,bo,\n"
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(table)
	require.NoError(t, err)
	run := func(text string) (ran, []string) {
		done := runOffer(t, data, "", "--file", writeTable(t, "OFFERS.CSV", text), "--batch", "b", "-o", "json")
		var told []string
		for _, row := range resultsOf(t, done) {
			told = append(told, fmt.Sprintf("%d %s %s", row.Line, row.Domain, row.Result))
		}
		return done, told
	}
	done, told := run(gbk)
	require.Equal(t, exitRefused, done.code)
	require.Equal(t, []string{"2 d0.com offered", "3 nobody.com refused", "4 d1.com offered", "5 d2.com refused", "6 others.com refused"}, told)
	require.Contains(t, done.stderr, "5 rows: 2 offered, 3 refused")
	require.Contains(t, done.stderr, "not_owner")

	done, told = run(strings.NewReplacer("nobody", "d3", "others", "d4").Replace(table))
	require.Equal(t, exitDone, done.code, done.stderr)
	require.Equal(t, []string{"2 d0.com already done", "3 d3.com offered", "4 d1.com already done", "5 d2.com offered", "6 d4.com offered"}, told)
	require.Eventually(t, func() bool { return service.offered(t) == 4 }, readyPatience, lookAgain)
}

// What was interrupted is run again, from standard input as well, and each row has its one effect.
func TestAnInterruptedFileIsRunAgain(t *testing.T) {
	t.Parallel()
	const rows = 200
	data := t.TempDir()
	startProcess(t, data, writeInventory(t, rows))
	path := writeTable(t, "many.csv", tableOf(rows))
	command := exec.Command("pushledger", "offer", "--ready-file", filepath.Join(data, "ready.json"), "--as", "anna", "--file", path, "--batch", "b") // #nosec G204 -- the test's own words
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	_, err = bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, command.Process.Kill())
	require.Error(t, command.Wait())

	done := runOffer(t, data, tableOf(rows), "--file", "-", "--batch", "b", "-o", "json")
	require.Equal(t, exitDone, done.code, done.stderr)
	list := resultsOf(t, done)
	require.Len(t, list, rows)
	require.Equal(t, rowDone, list[0].Result)
	ids := make(map[string]bool)
	for i, row := range list {
		require.Contains(t, []string{rowDone, rowOffered}, row.Result)
		require.Equal(t, i+2, row.Line)
		ids[row.PushID] = true
	}
	require.Len(t, ids, rows)
	require.Equal(t, uint64(2*rows), list[rows-1].Seq, "one reservation and one offer of each")
}

// The service sets the pace: rows that it has no room for are sent again.
func TestAFileKeepsToThePaceOfTheService(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	service := startProcess(t, data, writeInventory(t, 8), "--command-rate", "20", "--command-burst", "1")
	done := runOffer(t, data, "", "--file", writeTable(t, "paced.csv", tableOf(8)))
	require.Equal(t, exitDone, done.code, done.stderr)
	require.Contains(t, done.stdout, "8 rows: 8 offered")
	require.Eventually(t, func() bool { return service.offered(t) == 8 }, readyPatience, lookAgain)
}

// What a row does not say itself is taken from the flags, in both formats.
func TestFlagsAreForRowsWithoutTheirOwn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	service := startProcess(t, data, writeInventory(t, 3))
	flags := []string{"--buyer", "bo", "--remark", "all", "--valid-for", "2d", "--file"}
	done := runOffer(t, data, "", append(flags, writeTable(t, "t.csv", "push_id,domain,price,remark,有效期\nown,d0.com,1,mine,1天\nflags,d1.com,1,,\n"))...)
	require.Equal(t, exitDone, done.code, done.stderr)
	done = runOffer(t, data, `{"push_id":"line","items":[{"domain":"d2.com","price":"1"}]}`, append(flags, "-")...)
	require.Equal(t, exitDone, done.code, done.stderr)
	for id, want := range map[string]struct {
		remark string
		stands time.Duration
	}{"own": {"mine", 24 * time.Hour}, "flags": {"all", 48 * time.Hour}, "line": {"all", 48 * time.Hour}} {
		offered := service.offer(t, id)
		require.Equal(t, want.remark, offered.Remark, id)
		require.Equal(t, want.stands, offered.ExpiresAt.Sub(offered.OfferedAt), id)
	}
}

func TestWhatDoesNotGoWithAFile(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	startProcess(t, data, writeInventory(t, 1))
	for _, args := range [][]string{
		{"--file", writeTable(t, "t.csv", tableOf(1)), "d0.com=1"},
		{"--file", writeTable(t, "t.csv", tableOf(1)), "--push-id", "p"},
		{"--file", writeTable(t, "t.csv", tableOf(1)), "--command-id", "0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11"},
		{"--file", writeTable(t, "t.xlsx", "PK")},
		{"--batch", "b", "--buyer", "bo", "d0.com=1"},
	} {
		done := runOffer(t, data, "", args...)
		require.Equal(t, exitUsage, done.code, args)
		require.Contains(t, done.stderr, "error: wrong usage", args)
	}
}
