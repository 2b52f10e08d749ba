package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// market is all that the rules promise to those who race for a few domains: what each
// push is, and by that which push holds each domain.
type market map[string]marketPush

type marketPush struct {
	status  string // "offered", "accepted" or "ended"
	domains string // space-separated
}

// asked is one call of a history; kind "expiry" is the passing of a push's time, which
// ends it at any moment after its deadline.
type asked struct {
	kind, push, domains string
	mayBeOver           bool // the answer came after the push's deadline
}

const (
	saidYes     = "ok"
	saidUnknown = "unknown" // no answer: it was carried out or not
)

// holder names a live push that holds one of the domains.
func (m market) holder(domains string) string {
	for id, known := range m {
		if known.status == "ended" {
			continue
		}
		for _, domain := range strings.Fields(known.domains) {
			if slices.Contains(strings.Fields(domains), domain) {
				return id
			}
		}
	}
	return ""
}

func (m market) with(id, status, domains string) market {
	next := maps.Clone(m)
	next[id] = marketPush{status, domains}
	return next
}

// carryOut returns the answer that the rules demand, and the market afterwards.
func (m market) carryOut(call asked) (string, market) {
	known := m[call.push]
	switch {
	case call.kind == "offer" && m.holder(call.domains) != "":
		return "already_on_sale", m
	case call.kind == "offer":
		return saidYes, m.with(call.push, "offered", call.domains)
	case known.status == "":
		return "push_not_found", m
	case known.status == "ended":
		return "already_ended", m
	case call.kind == "accept" && known.status == "offered":
		return saidYes, m.with(call.push, "accepted", known.domains)
	case call.kind == "takedown", known.status == "offered":
		return saidYes, m.with(call.push, "ended", known.domains)
	default:
		return "already_accepted", m
	}
}

// step lists the markets in which a call with its answer can have left a market.
func step(state, input, output any) []any {
	before, call, said := state.(market), input.(asked), output.(string)
	demanded, after := before.carryOut(call)
	switch {
	case call.kind == "expiry" && before[call.push].status == "offered":
		return []any{before.with(call.push, "ended", before[call.push].domains)}
	case call.kind == "expiry":
		return []any{before}
	case said == saidUnknown:
		return []any{before, after}
	case said == demanded:
		return []any{after}
	case said == "already_ended" && call.mayBeOver && before[call.push].status == "offered":
		return []any{before} // over, and about to be recorded
	case said == "invalid_validity" && call.mayBeOver && call.kind == "offer":
		return []any{before} // over before it was offered
	default:
		return nil
	}
}

func linearizable() porcupine.Model {
	return (&porcupine.NondeterministicModel{
		Init:  func() []any { return []any{market{}} },
		Step:  step,
		Equal: func(a, b any) bool { return maps.Equal(a.(market), b.(market)) },
		DescribeOperation: func(input, output any) string {
			call := input.(asked)
			return fmt.Sprintf("%s %s %s: %s", call.kind, call.push, call.domains, output)
		},
	}).ToModel()
}

// racer is one client of a history.
type racer struct {
	t                       *testing.T
	group                   string
	random                  *rand.Rand
	seller, buyer, operator *nats.Conn
	history                 *raceHistory
}

// raceHistory is what the clients of one group of domains saw.
type raceHistory struct {
	began     time.Time
	mu        sync.Mutex
	calls     []porcupine.Operation
	pushes    []string
	deadlines map[string]time.Time
	clients   atomic.Int64
}

func (h *raceHistory) since(at time.Time) int64 { return at.Sub(h.began).Nanoseconds() }

func (h *raceHistory) add(client int, call asked, said string, from, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := h.since(until)
	if said == saidUnknown {
		end = 1 << 60 // it may take effect at any time to come
	}
	if deadline, has := h.deadlines[call.push]; has && until.After(deadline) {
		call.mayBeOver = true
	}
	h.calls = append(h.calls, porcupine.Operation{ClientId: client, Input: call, Call: h.since(from), Output: said, Return: end})
}

// publish makes a push known to the other racers.
func (h *raceHistory) publish(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pushes = append(h.pushes, id)
}

// expect notes that a push will be over at an instant.
func (h *raceHistory) expect(id string, deadline time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deadlines[id] = deadline
	h.calls = append(h.calls, porcupine.Operation{
		ClientId: int(h.clients.Add(1)), Input: asked{kind: "expiry", push: id}, Call: h.since(deadline), Output: saidYes, Return: 1 << 60,
	})
}

func (h *raceHistory) anyPush(random *rand.Rand) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pushes) == 0 {
		return ""
	}
	recent := h.pushes[max(0, len(h.pushes)-4):]
	return recent[random.IntN(len(recent))]
}

// race sends commands until there is no answer any more, and at most so many.
func (r *racer) race(calls int) {
	client := int(r.history.clients.Add(1))
	for range calls {
		call, conn, subject, body := r.next(client)
		from := time.Now()
		reply, err := request(conn, subject, body, "")
		until := time.Now()
		said := saidYes
		switch {
		case err != nil || reply.Error.Code == "unavailable":
			said = saidUnknown
		case !reply.OK:
			said = reply.Error.Code
		}
		r.history.add(client, call, said, from, until)
		if call.kind == "offer" && (said == saidYes || said == saidUnknown) {
			r.history.publish(call.push)
		}
		if err != nil {
			return
		}
	}
}

func (r *racer) next(client int) (call asked, conn *nats.Conn, subject, body string) {
	id := r.history.anyPush(r.random)
	if id == "" || r.random.IntN(3) == 0 {
		return r.nextOffer(client)
	}
	switch r.random.IntN(3) {
	case 0:
		return asked{kind: "withdraw", push: id}, r.seller, "push.cmd.anna.withdraw", fmt.Sprintf(`{"push_id":%q}`, id)
	case 1:
		return asked{kind: "accept", push: id}, r.buyer, "push.cmd.bo.accept", fmt.Sprintf(`{"push_id":%q,"total":"1.00"}`, id)
	default:
		return asked{kind: "takedown", push: id}, r.operator, "push.cmd.operator.takedown", fmt.Sprintf(`{"push_id":%q,"reason":"race"}`, id)
	}
}

// nextOffer offers one or both of the group's domains, now and then for a moment only.
func (r *racer) nextOffer(client int) (call asked, conn *nats.Conn, subject, body string) {
	id := fmt.Sprintf("%s-%d-%d", r.group, client, r.random.Uint32())
	one, other := r.group+"x.com", r.group+"y.com"
	items, domains := fmt.Sprintf(`{"domain":%q,"price":"1.00"}`, one), one
	if r.random.IntN(2) == 0 {
		items, domains = fmt.Sprintf(`{"domain":%q,"price":"0.50"},{"domain":%q,"price":"0.50"}`, one, other), one+" "+other
	}
	body = fmt.Sprintf(`{"push_id":%q,"buyer":"bo","items":[%s]}`, id, items)
	if r.random.IntN(3) == 0 {
		deadline := time.Now().Add(time.Duration(5+r.random.IntN(60)) * time.Millisecond).UTC()
		body = fmt.Sprintf(`{"push_id":%q,"buyer":"bo","items":[%s],"expires_at":%q}`, id, items, deadline.Format(time.RFC3339Nano))
		r.history.expect(id, deadline)
	}
	return asked{kind: "offer", push: id, domains: domains}, r.seller, "push.cmd.anna.offer", body
}

// Clients race for a few domains while the process is killed and started again. What
// they were told must be explained by some order of their commands in which a domain is
// never in two live pushes, and of a withdrawal and an acceptance never both win.
func TestRacesLookAsIfCommandsCameOneAfterTheOther(t *testing.T) {
	const groups, racers, calls, kills = 6, 5, 25, 2
	seed := uint64(time.Now().UnixNano()) // #nosec G115 -- any number will do
	t.Logf("seed %d", seed)
	data, inventory := t.TempDir(), raceInventory(t, groups)
	histories := make([]*raceHistory, groups)
	for i := range histories {
		histories[i] = &raceHistory{began: time.Now(), deadlines: make(map[string]time.Time)}
	}
	for round := range kills + 1 {
		service := startProcess(t, data, inventory)
		var running sync.WaitGroup
		for i := range groups * racers {
			racing := &racer{
				t: t, group: fmt.Sprintf("g%d", i%groups), history: histories[i%groups],
				random: rand.New(rand.NewPCG(seed, uint64(round*1000+i))), // #nosec G115,G404 -- a test's own dice
				seller: service.connect(t, "anna"), buyer: service.connect(t, "bo"), operator: service.connect(t, "operator"),
			}
			running.Go(func() { racing.race(calls) })
		}
		if round < kills {
			time.Sleep(time.Duration(20+round*40) * time.Millisecond) // when the power goes is the point of the test
			service.kill(t)
		}
		running.Wait()
		if round == kills {
			service.stop(t)
		}
	}
	for i, history := range histories {
		result := porcupine.CheckOperationsTimeout(linearizable(), history.calls, time.Minute)
		said := make(map[string]int)
		for _, call := range history.calls {
			said[call.Input.(asked).kind+" "+call.Output.(string)]++
		}
		t.Logf("group %d: %v", i, said)
		require.Equal(t, porcupine.Ok, result, "group %d, %d calls: %v", i, len(history.calls), describe(history.calls))
	}
}

// The check itself notices what must never be: a domain in two live pushes, and a
// withdrawal and an acceptance that both win.
func TestTheCheckOfRacesNoticesABrokenRule(t *testing.T) {
	call := func(at int64, kind, push, domains, said string) porcupine.Operation {
		return porcupine.Operation{Input: asked{kind: kind, push: push, domains: domains}, Call: at, Output: said, Return: at + 1}
	}
	for name, calls := range map[string][]porcupine.Operation{
		"a domain in two live pushes": {
			call(1, "offer", "p", "x y", saidYes), call(3, "offer", "q", "y", saidYes),
		},
		"withdrawn and accepted": {
			call(1, "offer", "p", "x", saidYes), call(3, "withdraw", "p", "", saidYes), call(5, "accept", "p", "", saidYes),
		},
		"a released domain is not free": {
			call(1, "offer", "p", "x", saidYes), call(3, "withdraw", "p", "", saidYes), call(5, "offer", "q", "x", "already_on_sale"),
		},
		"an acknowledged offer is gone": {
			call(1, "offer", "p", "x", saidYes), call(3, "accept", "p", "", "push_not_found"),
		},
	} {
		require.Equal(t, porcupine.Illegal, porcupine.CheckOperationsTimeout(linearizable(), calls, time.Minute), name)
	}
}

func describe(calls []porcupine.Operation) string {
	var lines []string
	for _, call := range calls {
		lines = append(lines, fmt.Sprintf("%d–%d %v: %v", call.Call, call.Return, call.Input, call.Output))
	}
	return "\n" + strings.Join(lines, "\n")
}

func raceInventory(t *testing.T, groups int) string {
	t.Helper()
	var domains []string
	for i := range groups {
		for _, name := range []string{"x", "y"} {
			domains = append(domains, fmt.Sprintf("g%d%s.com", i, name))
		}
	}
	return inventoryOf(t, domains)
}
