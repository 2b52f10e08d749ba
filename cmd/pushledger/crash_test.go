package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// acknowledged is what clients were told before a kill.
type acknowledged struct {
	mu       sync.Mutex
	before   int                     // pushes that were offered before the process that runs now
	offered  map[string]outsideReply // by push
	accepted map[string]outsideReply
	paid     map[string]bool
}

// TestAKillAtAnyMomentLosesNothing runs purchases while the process is killed at random
// instants and started again on the same directory. Every acknowledged command must
// still be there, and every paid purchase must end, with the books even.
func TestAKillAtAnyMomentLosesNothing(t *testing.T) {
	const kills, buyers, perBuyer = 8, 6, 4
	seed := uint64(time.Now().UnixNano()) // #nosec G115 -- any number will do
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- a test's own dice
	data, inventory := t.TempDir(), writeInventory(t, kills*buyers*perBuyer)
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}

	domain := 0
	for i := range kills {
		service := startProcess(t, data, inventory)
		var clients sync.WaitGroup
		for range buyers {
			first := domain
			domain += perBuyer
			clients.Go(func() { purchase(t, service, known, first, perBuyer) })
		}
		time.Sleep(time.Duration(random.IntN(900)) * time.Millisecond) // when the power goes is the point of the test
		if i == kills-1 {                                              // on a busy machine nothing may have been acknowledged so far
			require.Eventually(t, known.some, readyPatience, time.Millisecond)
		}
		service.kill(t)
		clients.Wait()
	}

	service := startProcess(t, data, inventory)
	requireAcknowledged(t, service, known)
	service.stop(t)
	requireSound(t, data)
}

// requireAcknowledged demands that a service knows all that was acknowledged, and that every
// purchase ends.
func requireAcknowledged(t *testing.T, service *process, known *acknowledged) {
	t.Helper()
	t.Logf("%d offers, %d accepted, %d paid before the end of the process", len(known.offered), len(known.accepted), len(known.paid))
	require.NotEmpty(t, known.offered)
	seller := service.connect(t, "anna")
	for id, reply := range known.offered {
		shown := http.Header{"Min-Seq": {strconv.FormatUint(reply.Seq, 10)}, "Min-Seq-Timeout": {"30s"}} // it may have been offered just now
		code, err := service.raw("anna", http.MethodGet, "/v1/pushes/"+id, shown, func([]byte) error { return nil })
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, code, "acknowledged push %s is gone", id)
		again, err := insist(seller, "push.cmd.anna.offer", offerOf(id), reply.CommandID)
		require.NoError(t, err)
		require.Equal(t, reply, again)
	}
	operator := service.connect(t, "operator")
	for id := range known.accepted {
		if !known.paid[id] { // it may have been paid without an answer, and cannot be paid twice then
			_, err := request(operator, "sandbox.alipay.pay", fmt.Sprintf(`{"push_id":%q}`, id), "")
			require.NoError(t, err)
		}
		service.eventually(t, "bo", id, "Completed")
	}
	requireEvenBooks(t, service)
}

func offerOf(id string) string {
	return fmt.Sprintf(`{"push_id":%q,"buyer":"bo","items":[{"domain":"%s.com","price":"12.34"}]}`, id, id)
}

// purchase buys domains one after the other until the service is gone, and notes what
// was acknowledged.
func purchase(t *testing.T, service *process, known *acknowledged, first, count int) {
	seller, buyer, operator := service.tryConnect("anna"), service.tryConnect("bo"), service.tryConnect("operator")
	if seller == nil || buyer == nil || operator == nil {
		return
	}
	defer seller.Close()
	defer buyer.Close()
	defer operator.Close()
	for i := range count {
		id := fmt.Sprintf("d%d", first+i)
		reply, err := insist(seller, "push.cmd.anna.offer", offerOf(id), uuid.NewString())
		if err != nil {
			return
		}
		if !reply.OK {
			t.Errorf("offer %s: %+v", id, reply)
			return
		}
		known.note(known.offered, id, reply)
		if reply, err = insist(buyer, "push.cmd.bo.accept", fmt.Sprintf(`{"push_id":%q,"total":"12.34"}`, id), uuid.NewString()); err != nil || !reply.OK {
			return
		}
		known.note(known.accepted, id, reply)
		if reply, err = request(operator, "sandbox.alipay.pay", fmt.Sprintf(`{"push_id":%q}`, id), ""); err != nil || !reply.OK {
			return
		}
		known.mu.Lock()
		known.paid[id] = true
		known.mu.Unlock()
	}
}

// fresh notes that another process is asked from now on.
func (a *acknowledged) fresh() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = len(a.offered)
}

// some reports whether the process that runs now has acknowledged anything.
func (a *acknowledged) some() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.offered) > a.before
}

func (a *acknowledged) note(where map[string]outsideReply, id string, reply outsideReply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	where[id] = reply
}

// requireEvenBooks holds the journal, and what the provider itself says, against zero.
func requireEvenBooks(t *testing.T, service *process) {
	t.Helper()
	var balances struct {
		Balances []struct {
			Account string `json:"account"`
			Balance string `json:"balance"`
		} `json:"balances"`
		Sum string `json:"sum"`
	}
	require.Eventually(t, func() bool {
		code, err := service.get("auditor", "/v1/journal/balances", &balances)
		if err != nil || code != http.StatusOK || balances.Sum != "0.00" {
			return false
		}
		for _, balance := range balances.Balances {
			if balance.Balance != "0.00" {
				return false
			}
		}
		return true
	}, readyPatience, 50*time.Millisecond, "%+v", &balances)
}

// requireSound has a stopped ledger and its read models verified, by another process: this
// one may be playing the disk.
func requireSound(t *testing.T, data string) {
	t.Helper()
	for _, verb := range []string{"verify", "diff"} {
		said, err := exec.Command("pushledger", "audit", verb, "--data", data).CombinedOutput() // #nosec G204 -- the test's own words
		require.NoError(t, err, "%s", said)
	}
}

// readiness is what /readyz says, 0 if nobody answers.
func (d *doors) readiness() int {
	response, err := http.Get(d.ready.HTTPURL + "/readyz")
	if err != nil {
		return 0
	}
	_ = response.Body.Close() // only its status is read
	return response.StatusCode
}

// offered sends an offer and notes a yes.
func offered(service *process, known *acknowledged, id, command string) bool {
	return agreed(service, known, known.offered, "anna", "offer", id, offerOf(id), command)
}

// accepted is offered for the buyer.
func accepted(service *process, known *acknowledged, id, command string) bool {
	return agreed(service, known, known.accepted, "bo", "accept", id, fmt.Sprintf(`{"push_id":%q,"total":"12.34"}`, id), command)
}

func agreed(service *process, known *acknowledged, yes map[string]outsideReply, account, verb, id, body, command string) bool {
	conn := service.tryConnect(account)
	if conn == nil {
		return false
	}
	defer conn.Close()
	reply, err := request(conn, "push.cmd."+account+"."+verb, body, command)
	if err != nil || !reply.OK {
		return false
	}
	known.note(yes, id, reply)
	return true
}
