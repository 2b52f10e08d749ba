package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// signedUpTo waits until a checkpoint covers the whole log of a running service, and returns
// the sequence of its newest event.
func signedUpTo(t *testing.T, service *process, data string) uint64 {
	t.Helper()
	auditor := service.connect(t, "auditor")
	var end struct {
		Last uint64 `json:"last"`
	}
	require.Eventually(t, func() bool {
		answer, err := auditor.Request("push.audit.auditor.end", []byte(`{}`), readyPatience)
		if err != nil || json.Unmarshal(answer.Data, &end) != nil || end.Last == 0 {
			return false
		}
		note, err := os.ReadFile(filepath.Join(app.TransparencyDir(data), "checkpoint"))
		if err != nil {
			return false
		}
		return strings.Split(string(note), "\n")[1] == fmt.Sprint(end.Last)
	}, readyPatience, 50*time.Millisecond, "%s", service.stderr)
	return end.Last
}

// requireVerified has the ledger of a stopped service verified.
func requireVerified(t *testing.T, data string) {
	t.Helper()
	code, _, said := command("audit", "verify", "--data", data)
	require.Equal(t, exitDone, code, said)
}

func index(data string) string { return filepath.Join(filepath.Dir(block(data)), "index.db") }

// A service that was killed finds its log as a kill, or a bad disk, can leave it (F32): it
// starts with everything that was acknowledged, or says what is damaged and does not serve;
// then the second copy gives it back (F40).
func TestALogLeftByAKillIsWholeOrNamedAsDamaged(t *testing.T) {
	t.Parallel()
	whole, inventory := t.TempDir(), writeInventory(t, 4)
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}
	service := startProcess(t, whole, inventory)
	purchase(t, service, known, 0, 1)
	service.eventually(t, "bo", "d0", "Completed")
	service.stop(t) // it leaves an index, which is stale from now on
	stale, err := os.ReadFile(index(whole))
	require.NoError(t, err)
	service = startProcess(t, whole, inventory)
	purchase(t, service, known, 1, 2)
	require.Len(t, known.paid, 3)
	for id := range known.paid {
		service.eventually(t, "bo", id, "Completed")
	}
	last := signedUpTo(t, service, whole)
	service.kill(t)

	spoil := func(change func(stored []byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, data string) {
			stored, err := os.ReadFile(block(data))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(block(data), change(stored), 0o600)) // #nosec G703 -- the test's own directory
		}
	}
	putIndex := func(text []byte) func(*testing.T, string) {
		return func(t *testing.T, data string) { require.NoError(t, os.WriteFile(index(data), text, 0o600)) }
	}
	for name, test := range map[string]struct {
		spoil   []func(*testing.T, string)
		damaged bool
	}{
		"nothing else":                   {},
		"no index":                       {spoil: []func(*testing.T, string){func(t *testing.T, data string) { require.NoError(t, os.RemoveAll(index(data))) }}},
		"a stale index":                  {spoil: []func(*testing.T, string){putIndex(stale)}},
		"rubbish behind the last record": {spoil: []func(*testing.T, string){spoil(func(stored []byte) []byte { return append(stored, "\x00\x01rubbish"...) })}},
		"half a record at the end":       {spoil: []func(*testing.T, string){spoil(func(stored []byte) []byte { return append(stored, stored[:100]...) })}},
		"zeros at the end": {spoil: []func(*testing.T, string){putIndex(stale), spoil(func(stored []byte) []byte {
			return append(stored, make([]byte, 4096)...)
		})}},
		"the last record torn": {damaged: true, spoil: []func(*testing.T, string){spoil(func(stored []byte) []byte { return stored[:len(stored)-10] })}},
		"the block gone":       {damaged: true, spoil: []func(*testing.T, string){func(t *testing.T, data string) { require.NoError(t, os.Remove(block(data))) }}},
		"the stream gone": {damaged: true, spoil: []func(*testing.T, string){func(t *testing.T, data string) {
			require.NoError(t, os.RemoveAll(natsserver.StreamDir(audit.NATSDir(data), "PUSH_EVENTS")))
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			copyDir(t, whole, data)
			for _, change := range test.spoil {
				change(t, data)
			}
			if test.damaged {
				_, err := launch(data, inventory)
				require.ErrorContains(t, err, "not served")
				require.ErrorContains(t, err, "first bad sequence")
				code, out, said := command("audit", "restore", "--data", data, "--key", filepath.Join(app.TransparencyDir(data), "key"))
				require.Equal(t, exitDone, code, said)
				require.Contains(t, out, fmt.Sprintf("restored %d events", last))
			}
			again := startProcess(t, data, inventory)
			requireAcknowledged(t, again, known)
			require.True(t, ask(t, again.connect(t, "anna"), "push.cmd.anna.offer", offerOf("d3")).OK)
			again.stop(t)
			requireVerified(t, data)
		})
	}
}

// An old copy of the data is put back as if it were the newest (F41). Beside the newer
// second copy it is refused, and restored from it. If the second copy is as old, nobody can
// tell; then each purchase goes on from what provider and registrar say, under the numbers
// it had before.
func TestAnOldCopyPutBackIsRefusedOrReconciled(t *testing.T) {
	t.Parallel()
	data, old, inventory := t.TempDir(), t.TempDir(), writeInventory(t, 2)
	service := startProcess(t, data, inventory)
	seller := service.connect(t, "anna")
	for _, id := range []string{"d0", "d1"} {
		require.True(t, ask(t, seller, "push.cmd.anna.offer", offerOf(id)).OK)
		require.True(t, ask(t, service.connect(t, "bo"), "push.cmd.bo.accept", fmt.Sprintf(`{"push_id":%q,"total":"12.34"}`, id)).OK)
	}
	service.stop(t)
	copyDir(t, data, old)
	service = startProcess(t, data, inventory)
	require.True(t, ask(t, service.connect(t, "operator"), "sandbox.alipay.pay", `{"push_id":"d0"}`).OK)
	service.eventually(t, "bo", "d0", "Completed")
	signedUpTo(t, service, data)
	service.stop(t)

	for name, kept := range map[string]bool{"beside a newer second copy": true, "with a second copy as old": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mixed := t.TempDir()
			copyDir(t, old, mixed)
			// The partners have no backups of ours to go back to.
			partners := natsserver.StreamDir(audit.NATSDir(mixed), "KV_SANDBOX")
			require.NoError(t, os.RemoveAll(partners))
			copyDir(t, natsserver.StreamDir(audit.NATSDir(data), "KV_SANDBOX"), partners)
			if kept {
				require.NoError(t, os.RemoveAll(app.TransparencyDir(mixed)))
				copyDir(t, app.TransparencyDir(data), app.TransparencyDir(mixed))
				_, err := launch(mixed, inventory)
				require.ErrorContains(t, err, "not served")
				code, _, said := command("audit", "restore", "--data", mixed, "--key", filepath.Join(app.TransparencyDir(mixed), "key"))
				require.Equal(t, exitDone, code, said)
			}
			again := startProcess(t, mixed, inventory)
			again.eventually(t, "bo", "d0", "Completed")
			require.True(t, ask(t, again.connect(t, "operator"), "sandbox.alipay.pay", `{"push_id":"d1"}`).OK)
			again.eventually(t, "bo", "d1", "Completed")
			requireEvenBooks(t, again)
			requireEachPaidOnce(t, again, 2)
			again.stop(t)
			requireVerified(t, mixed)
		})
	}
}

// requireEachPaidOnce demands that the provider has taken and paid out so many amounts, and
// given none back.
func requireEachPaidOnce(t *testing.T, service *process, purchases int) {
	t.Helper()
	answer, err := service.connect(t, "operator").Request("sandbox.alipay.ledger", []byte(`{}`), readyPatience)
	require.NoError(t, err)
	var ledger struct {
		Trades  []movement `json:"trades"`
		Refunds []movement `json:"refunds"`
		Payouts []movement `json:"payouts"`
	}
	require.NoError(t, json.Unmarshal(answer.Data, &ledger))
	require.Len(t, ledger.Trades, purchases)
	require.Empty(t, ledger.Refunds)
	require.Len(t, ledger.Payouts, purchases)
}

// An event of a newer program (F34): whoever reads it stops there and says so; commands on
// everything else are still carried out, and an older program has changed nothing when the
// newer one comes back.
func TestAnEventOfANewerVersionStopsItsReadersOnly(t *testing.T) {
	t.Parallel()
	data, inventory := t.TempDir(), writeInventory(t, 2)
	service := startProcess(t, data, inventory)
	require.True(t, ask(t, service.connect(t, "anna"), "push.cmd.anna.offer", offerOf("d0")).OK)
	service.kill(t) // what is added behind the end of a log that was closed well is found
	superuser(t, data, func(_ *nats.Conn, js jetstream.JetStream) {
		message := nats.NewMsg("push.evt.push.newer")
		message.Header.Set("Event-Type", "Offered")
		message.Header.Set("Event-Version", "99")
		message.Header.Set("Nats-Msg-Id", forgedID)
		message.Header.Set("Actor", "anna")
		message.Data = []byte(`{}`)
		_, err := js.PublishMsg(t.Context(), message)
		require.NoError(t, err)
	})

	service = startProcess(t, data, inventory)
	require.Eventually(t, func() bool { return service.readiness() == http.StatusServiceUnavailable }, readyPatience, lookAgain)
	for _, part := range []string{"saga=purchases", "model=pushes", "model=accounts", "notices stopped"} {
		require.Eventually(t, func() bool { return strings.Contains(service.stderr.String(), part) }, readyPatience, lookAgain, "%s", service.stderr)
	}
	reply := ask(t, service.connect(t, "anna"), "push.cmd.anna.offer", offerOf("d1"))
	require.True(t, reply.OK, reply.Error)
	require.True(t, ask(t, service.connect(t, "anna"), "push.cmd.anna.withdraw", `{"push_id":"d0"}`).OK)
	service.stop(t)
}
