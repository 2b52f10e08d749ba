package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// alipayFlagsOf are the flags with which a program asks a sandbox's Alipay.
func (m *sandbox) alipayFlagsOf(data string) []string {
	in := func(name string) string { return filepath.Join(data, "sandbox", name) }
	return []string{
		"--alipay-app-id", "2021000118600001", "--alipay-seller-id", "2088621993700001", "--alipay-private-key", in("merchant.pem"),
		"--alipay-app-cert", in("merchant.crt"), "--alipay-cert", in("alipay.crt"), "--alipay-root-cert", in("root.crt"),
		"--alipay-gateway", m.ready.HTTPURL + "/sandbox/alipay/gateway.do",
	}
}

func TestTheJournalIsHeldAgainstBillsThatAreFetched(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	m := openSandbox(t, data, longWindow)
	bought := m.buy(t, 1)
	bought.pay(t)
	bought.ends(t, settled(bought))
	failed := m.buy(t, 1)
	failed.registrar(t, 0, "move", "refuse", 1)
	failed.pay(t)
	failed.ends(t, undone(failed))
	var made struct {
		Day string `json:"day"`
	}
	require.NoError(t, json.Unmarshal(m.control(t, "alipay.bill", `{"ready":true}`), &made))
	fetch := func(day string) []string { return append(m.alipayFlagsOf(data), "--fetch", day) }

	code, kinds := m.reconcileWith(t, fetch(made.Day)...)
	require.Empty(t, kinds)
	require.Zero(t, code)

	m.control(t, "alipay.bill", `{"twice":%q}`, push.PayoutNo(bought.id))
	code, kinds = m.reconcileWith(t, fetch(made.Day)...)
	require.Equal(t, []string{"extra expense"}, kinds)
	require.Equal(t, exitVerify, code)
}

// What cannot be fetched says whether it is worth trying again.
func TestBillsThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	m := openSandbox(t, data, longWindow)
	today := time.Now().In(bill.Zone)
	for name, test := range map[string]struct {
		flags []string
		code  int
		says  string
	}{
		"nothing is asked for": {nil, exitUsage, "--bill FILE or --fetch DAY"},
		"no day":               {[]string{"--fetch", "yesterday"}, exitUsage, "no day"},
		"a day to come":        {[]string{"--fetch", today.AddDate(0, 0, 2).Format(time.DateOnly)}, exitUsage, "yet to come"},
		"no keys":              {[]string{"--fetch", "2026-01-01"}, exitUsage, "--alipay-app-id"},
		"nothing moved":        {append(m.alipayFlagsOf(data), "--fetch", "2026-01-01"), exitTryAgain, "by ten o'clock"},
		"a day that goes on":   {append(m.alipayFlagsOf(data), "--fetch", today.Format(time.DateOnly)), exitTryAgain, "参数不合法"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(append([]string{
			"audit", "reconcile", "--nats-url", m.ready.NATSURL, "--http-url", m.ready.HTTPURL, "--token", m.ready.Tokens["auditor"],
		}, test.flags...), &stdout, &stderr)
		require.Equal(t, test.code, code, "%s: %s", name, &stderr)
		require.Contains(t, stderr.String(), test.says, name)
	}
}

// controlForScript is the script command `control NAME BODY`: it steers the sandbox that
// the script has started, and sets $DAY to the day of which a bill was made.
func controlForScript(script *testscript.TestScript, negate bool, args []string) {
	if negate || len(args) != 2 {
		script.Fatalf("usage: control NAME BODY")
	}
	ready := readyForScript(script)
	conn, err := nats.Connect(ready.NATSURL, nats.Token(ready.Tokens["operator"]), nats.CustomInboxPrefix("_INBOX.operator"))
	script.Check(err)
	defer conn.Close()
	answer, err := conn.Request("sandbox."+args[0], []byte(args[1]), readyPatience)
	script.Check(err)
	var said struct {
		OK  bool   `json:"ok"`
		Day string `json:"day"`
	}
	script.Check(json.Unmarshal(answer.Data, &said))
	if !said.OK {
		script.Fatalf("%s: %s", args[0], answer.Data)
	}
	if said.Day != "" {
		script.Setenv("DAY", said.Day)
	}
}

// endsForScript is the script command `ends PUSH STATUS`: it waits until a push stands so.
func endsForScript(script *testscript.TestScript, negate bool, args []string) {
	if negate || len(args) != 2 {
		script.Fatalf("usage: ends PUSH STATUS")
	}
	at := doors{ready: readyForScript(script)}
	var seen outsidePush
	for deadline := time.Now().Add(readyPatience); seen.Status != args[1]; time.Sleep(lookAgain) {
		if time.Now().After(deadline) {
			script.Fatalf("push %s: wanted %s, last seen %+v", args[0], args[1], seen)
		}
		_, err := at.get("auditor", "/v1/pushes/"+args[0], &seen)
		script.Check(err)
	}
}

func readyForScript(script *testscript.TestScript) readyFile {
	text, err := os.ReadFile(script.Getenv("READY"))
	script.Check(err)
	var ready readyFile
	script.Check(json.Unmarshal(text, &ready))
	return ready
}
