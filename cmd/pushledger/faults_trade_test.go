package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// What a sharp buyer or seller tries, and what a registrar may do about it: rules B4 and B5,
// I3 and the facts that are read again.
func TestFaultsOfTheTrade(t *testing.T) {
	t.Parallel()
	rows := map[string]func(*testing.T, *sandbox){
		"B4 what is held stays":                   heldDomainsStay,
		"B4 the registrar refuses to hold":        refusedHold,
		"B4 a restriction while it is held":       restrictedWhileHeld,
		"B5 nobody was told":                      silentAct,
		"B5 a password is void when it is back":   voidPassword,
		"I3 the registrant changes with the sale": registrantOfTheSale,
		"L7 an expired domain is not delivered":   expiredWhilePaid,
		"L7 a kind that nobody knows":             unknownKind,
		"B6 two names in two pushes":              variantsInTwoPushes,
		"B6 two names in one push":                variantsInOnePush,
		"P2 from when it may be offered":          youngDomain,
		"a place is told as it is":                toldPlace,
	}
	for mode, times := range map[string]int{"unsupported": ever, "error": 2, "timeout": 1, "done_but_timeout": 1, "pending": 2} {
		rows["B4 placed, "+mode] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 2)
			d.registrar(t, 1, "hold", mode, times)
			d.pay(t)
			d.ends(t, settled(d))
		}
	}
	for mode, times := range map[string]int{"refuse": 1, "error": 2, "timeout": 1, "done_but_timeout": 1, "pending": 2} {
		rows["B4 released, "+mode] = func(t *testing.T, m *sandbox) {
			d := halfDelivered(t, m)
			d.registrar(t, 0, "hold", mode, times)
			d.registrar(t, 1, "move", "pending", 0)
			d.ends(t, settled(d))
			d.happened(t, "HoldsReleased", 1)
			require.Empty(t, d.tries(t, "bo", "auth_code", 0), "nothing holds it any more")
		}
	}
	for act, place := range map[string]string{
		"move": "eve", "transfer_out": "bo", "transfer_out_start": "bo", "auth_code": "bo", "change_registrant": "bo", "delete": "",
	} {
		rows["B5 "+act+", the seller is paid"] = func(t *testing.T, m *sandbox) {
			d := stoppedByTheBuyer(t, m, act)
			require.True(t, d.decide(t, "pay_seller").OK)
			d.registrar(t, 1, "move", "pending", 0)
			want := settled(d)
			if place != "bo" {
				want.Places = sorted("bo", place)
			}
			d.ends(t, want)
		}
		rows["B5 "+act+", the buyer is refunded"] = func(t *testing.T, m *sandbox) {
			d := stoppedByTheBuyer(t, m, act)
			require.True(t, d.decide(t, "refund_buyer").OK)
			d.registrar(t, 1, "move", "pending", 0)
			if act == "transfer_out_start" { // a person sees where it comes to rest
				d.happened(t, "DomainReturnRefused", 1)
				d.event(t, "transferred_out", 0)
				reply := d.operate("settle", fmt.Sprintf(
					`"step":"return","domain":%q,"place":"gone","reason":"it has left","reference":"ticket 8"`, d.domains[0]), t)
				require.True(t, reply.OK, reply.Error)
			}
			d.ends(t, refundedAfter(d, act, place))
			d.because(t, "buyer_acted", 0)
		}
	}
	for fact, want := range factsThatEnd {
		rows["L7 found when accepting, "+fact] = func(t *testing.T, m *sandbox) {
			d := m.offer(t, 2, 10_00)
			m.control(t, "registrar.set", `{"domain":%q,%s}`, d.domains[1], want.members)
			reply := d.tryAccept(t)
			require.False(t, reply.OK)
			require.Equal(t, want.refused, reply.Error.Code)
			d.ends(t, books{Status: "Invalidated", Places: want.places})
			d.because(t, want.ends, 1)
		}
	}
	for fact, members := range map[string]string{
		"domain_expired": `"expires_at":"-1s"`, "already_on_sale": `"sale":"auction"`, "pending_operation": `"pending":["registrant_change"]`,
	} {
		rows["L7 only refuses, "+fact] = func(t *testing.T, m *sandbox) {
			d := m.offer(t, 1, 10_00)
			m.control(t, "registrar.set", `{"domain":%q,%s}`, d.domains[0], members)
			require.Equal(t, fact, d.tryAccept(t).Error.Code)
			d.await(t, unsold("Offered"))
			m.control(t, "registrar.set", `{"domain":%q,"expires_at":"+1y","sale":"none","pending":[]}`, d.domains[0])
			d.accept(t)
			d.pay(t)
			d.ends(t, settled(d))
		}
	}
	openSandbox(t, t.TempDir(), longWindow).rows(t, rows)
}

// factsThatEnd are facts of an offered domain of which no event tells, the code with which
// they refuse the acceptance and the one by which they end the push.
var factsThatEnd = map[string]struct {
	members, refused, ends string
	places                 []string
}{
	"gone":        {`"exists":false`, "not_owner", "domain_gone", []string{"", "anna"}},
	"leaving":     {`"registrar_ok":false`, "pending_operation", "domain_gone", []string{"anna"}},
	"moved":       {`"account":"eve"`, "not_owner", "account_moved", []string{"anna", "eve"}},
	"locked":      {`"account_move_locked":true`, "account_move_locked", "account_move_locked", []string{"anna"}},
	"blacklisted": {`"restrictions":["blacklisted"]`, "publishing_restricted", "blacklisted", []string{"anna"}},
	"breach":      {`"restrictions":["policy_violation"]`, "publishing_restricted", "policy_violation", []string{"anna"}},
	"arbitration": {`"restrictions":["arbitration"]`, "publishing_restricted", "publishing_restricted", []string{"anna"}},
	"password":    {`"auth_code_issued_at":"+1s"`, "auth_code_issued", "auth_code_issued", []string{"anna"}},
}

// tries has an account do something with a domain in the registrar's console, and returns
// the code with which that is refused; empty if it is done.
func (d *deal) tries(t *testing.T, account, act string, domain int, members ...string) string {
	t.Helper()
	if act == "move" {
		members = append(members, `"to":"eve"`)
	}
	body := fmt.Sprintf(`{"domain":%q,"account":%q,"act":%q`, d.domains[domain], account, act)
	for _, member := range members {
		body += "," + member
	}
	return ask(t, d.operator, "sandbox.registrar.act", body+"}").Error.Code
}

func (d *deal) tryAccept(t *testing.T) outsideReply {
	t.Helper()
	return ask(t, d.buyer, "push.cmd.bo.accept", fmt.Sprintf(`{"push_id":%q,"total":%q}`, d.id, d.total))
}

func heldDomainsStay(t *testing.T, m *sandbox) {
	d := halfDelivered(t, m)
	for _, act := range []string{"move", "transfer_out", "transfer_out_start", "auth_code", "change_registrant", "delete"} {
		require.Equal(t, "held", d.tries(t, "bo", act, 0), act)
		require.Equal(t, "held", d.tries(t, "anna", act, 1), act)
	}
	d.registrar(t, 1, "move", "pending", 0)
	d.ends(t, settled(d))
}

func refusedHold(t *testing.T, m *sandbox) {
	d := m.buy(t, 3)
	d.registrar(t, 1, "hold", "refuse", 1)
	d.pay(t)
	d.ends(t, undone(d))
	d.because(t, "hold_refused", 1)
	require.Zero(t, d.count(t, "DomainMoved"))
}

// A court can seize what is held: that is no act of the buyer's.
func restrictedWhileHeld(t *testing.T, m *sandbox) {
	d := halfDelivered(t, m)
	d.event(t, "restricted", 0)
	d.happened(t, "ReturnStarted", 1)
	d.registrar(t, 1, "move", "pending", 0)
	d.ends(t, undone(d))
	d.because(t, "publishing_restricted", 0)
}

// unheld is a push of two domains that are not held: the first is with the buyer, and the
// move of the second is pending.
func unheld(t *testing.T, m *sandbox) *deal {
	t.Helper()
	d := m.buy(t, 2)
	d.registrar(t, 0, "hold", "unsupported", ever)
	d.registrar(t, 1, "hold", "unsupported", ever)
	d.registrar(t, 1, "move", "pending", ever)
	d.pay(t)
	d.happened(t, "DomainMoved", 1)
	return d
}

// stoppedByTheBuyer is an unheld push, and what the buyer has done with the first domain.
func stoppedByTheBuyer(t *testing.T, m *sandbox, act string) *deal {
	t.Helper()
	d := unheld(t, m)
	require.Empty(t, d.tries(t, "bo", act, 0))
	d.happened(t, "BuyerActed", 1)
	require.Eventually(t, func() bool { return d.inWorkList(t) == "buyer_act of "+d.domains[0] }, readyPatience, lookAgain)
	seen := d.books(t)
	require.Equal(t, "Paid", seen.Status)
	require.Equal(t, d.escrow(), seen.Owed, "the money is in escrow")
	require.Empty(t, seen.Back)
	return d
}

func (d *deal) decide(t *testing.T, decision string) outsideReply {
	t.Helper()
	return d.operate("settle", fmt.Sprintf(
		`"step":"buyer_act","domain":%q,"decision":%q,"reason":"both have agreed","reference":"ticket 5"`, d.domains[0], decision), t)
}

// refundedAfter is how the books look when an operator has decided for the buyer: what was
// still with the buyer has gone back.
func refundedAfter(d *deal, act, place string) books {
	want := undone(d)
	switch act {
	case "move", "delete":
		want.Places = sorted("anna", place)
	case "transfer_out", "transfer_out_start":
		want.Places = sorted("anna", "bo") // where the registrar saw it last
	}
	return want
}

// The buyer has moved a domain on, no event tells of it, and then the push fails.
func silentAct(t *testing.T, m *sandbox) {
	d := unheld(t, m)
	require.Empty(t, d.tries(t, "bo", "move", 0, `"silent":true`))
	d.registrar(t, 1, "move", "refuse", 1)
	d.happened(t, "DomainReturnRefused", 1)
	require.Eventually(t, func() bool { return d.inWorkList(t) == "return of "+d.domains[0] }, readyPatience, lookAgain)
	require.Empty(t, d.books(t).Back, "nobody keeps both")
	reply := d.operate("settle", fmt.Sprintf(
		`"step":"return","domain":%q,"place":"gone","reason":"the buyer keeps it","reference":"ticket 6"`, d.domains[0]), t)
	require.True(t, reply.OK, reply.Error)
	want := undone(d)
	want.Places = sorted("anna", "eve")
	d.ends(t, want)
}

func voidPassword(t *testing.T, m *sandbox) {
	d := unheld(t, m)
	var said struct {
		AuthCode string `json:"auth_code"`
	}
	require.NoError(t, json.Unmarshal(m.control(t, "registrar.act", `{"domain":%q,"account":"bo","act":"auth_code","silent":true}`, d.domains[0]), &said))
	require.NotEmpty(t, said.AuthCode)
	d.registrar(t, 1, "move", "refuse", 1)
	d.ends(t, undone(d))
	reply := ask(t, m.operator, "sandbox.registrar.act", fmt.Sprintf(`{"domain":%q,"act":"transfer_out","auth_code":%q}`, d.domains[0], said.AuthCode))
	require.Equal(t, "auth_code_invalid", reply.Error.Code)
}

// The buyer names a template; the registrar changes the registrant and says so.
func registrantOfTheSale(t *testing.T, m *sandbox) {
	d := m.offer(t, 2, 10_00)
	reply := ask(t, d.buyer, "push.cmd.bo.accept", fmt.Sprintf(`{"push_id":%q,"total":%q,"registrant":"template-3"}`, d.id, d.total))
	require.True(t, reply.OK, reply.Error)
	d.registrar(t, 1, "move", "pending", ever)
	d.pay(t)
	d.happened(t, "DomainMoved", 1)
	m.control(t, "registrar.event", `{"kind":"registrant_changed","domain":%q,"detail":{"operation_id":%q}}`,
		d.domains[0], push.MoveNo(d.id, domainname.Name(d.domains[0])))
	m.heard(t)
	require.Zero(t, d.count(t, "BuyerActed")+d.count(t, "ReturnStarted"))
	d.registrar(t, 1, "move", "pending", 0)
	d.ends(t, settled(d))
	require.Equal(t, "template-3", d.facts(t, "bo").Domains[1].RegistrantHint)
}

type seenFacts struct {
	Acceptable bool `json:"acceptable"`
	Domains    []struct {
		RegistrantHint string   `json:"registrant_hint"`
		RegisteredAt   string   `json:"registered_at"`
		ExpiresAt      string   `json:"expires_at"`
		Locks          []string `json:"locks"`
		Violations     []struct {
			Code string `json:"code"`
		} `json:"violations"`
	} `json:"domains"`
	Violations []struct {
		Code string `json:"code"`
	} `json:"violations"`
}

// facts is what a party sees of the domains before it acts.
func (d *deal) facts(t *testing.T, account string) seenFacts {
	t.Helper()
	var seen seenFacts
	d.read(t, account, "/v1/pushes/"+d.id+"/facts", &seen)
	require.Len(t, seen.Domains, len(d.domains))
	return seen
}

func expiredWhilePaid(t *testing.T, m *sandbox) {
	d := m.buy(t, 2)
	m.control(t, "registrar.set", `{"domain":%q,"expires_at":"-1s"}`, d.domains[1])
	d.pay(t)
	d.ends(t, undone(d))
	d.because(t, "domain_expired", 1)
}

func unknownKind(t *testing.T, m *sandbox) {
	d := m.offer(t, 1, 10_00)
	m.control(t, "registrar.event", `{"kind":"polished","domain":%q}`, d.domains[0])
	m.heard(t)
	d.await(t, unsold("Offered"))
	m.control(t, "registrar.set", `{"domain":%q,"account_move_locked":true}`, d.domains[0])
	m.control(t, "registrar.event", `{"kind":"sealed","domain":%q}`, d.domains[0])
	d.ends(t, unsold("Invalidated"))
	d.because(t, "account_move_locked", 0)
}

// variants makes two names of one registration of the seller's.
func (m *sandbox) variants(t *testing.T, label string) (canonical, other string) {
	t.Helper()
	canonical, other = label+".中国", label+".中國"
	m.control(t, "registrar.set", `{"domain":%q,"account":"anna"}`, canonical)
	m.control(t, "registrar.set", `{"domain":%q,"canonical":%q}`, other, canonical)
	return canonical, other
}

func variantsInTwoPushes(t *testing.T, m *sandbox) {
	canonical, other := m.variants(t, "例")
	d := &deal{sandbox: m, id: "variant-1", total: "10.00", domains: []string{other}}
	require.True(t, ask(t, m.seller, "push.cmd.anna.offer", d.body(10_00)).OK)
	again := ask(t, m.seller, "push.cmd.anna.offer", fmt.Sprintf(`{"buyer":"bo","items":[{"domain":%q,"price":"1.00"}]}`, canonical))
	require.Equal(t, "already_on_sale", again.Error.Code)
	for _, name := range []string{canonical, other} {
		var seen struct {
			Push *struct {
				PushID string `json:"push_id"`
			} `json:"push"`
			History []any `json:"history"`
		}
		m.eventually(t, "anna", d.id, "Offered")
		d.read(t, "anna", "/v1/domains/"+name, &seen)
		require.NotNil(t, seen.Push, name)
		require.Equal(t, d.id, seen.Push.PushID)
		require.Len(t, seen.History, 1)
	}
	d.accept(t)
	d.pay(t)
	d.ends(t, settled(d))
	bought := ask(t, m.connect(t, "bo"), "push.cmd.bo.offer", fmt.Sprintf(`{"buyer":"anna","items":[{"domain":%q,"price":"1.00"}]}`, canonical))
	require.True(t, bought.OK, bought.Error)
}

func variantsInOnePush(t *testing.T, m *sandbox) {
	canonical, other := m.variants(t, "范例")
	reply := ask(t, m.seller, "push.cmd.anna.offer", fmt.Sprintf(
		`{"buyer":"bo","items":[{"domain":%q,"price":"1.00"},{"domain":%q,"price":"1.00"}]}`, canonical, other))
	require.Equal(t, "duplicate_domain", reply.Error.Code)
}

func youngDomain(t *testing.T, m *sandbox) {
	d := m.draft(t, 1, 10_00)
	m.control(t, "registrar.set", `{"domain":%q,"registered_at":"-1h"}`, d.domains[0])
	reply := ask(t, m.seller, "push.cmd.anna.offer", d.body(10_00))
	require.Equal(t, "too_young", reply.Error.Code)
	require.Len(t, reply.Error.Violations, 1)
	violation := reply.Error.Violations[0]
	require.NotEmpty(t, violation.From)
	require.Contains(t, violation.Message, "it may be offered from 20")
	require.Contains(t, violation.MessageZH, "（北京时间）起发起")
}

func toldPlace(t *testing.T, m *sandbox) {
	d := m.buy(t, 1)
	d.registrar(t, 0, "move", "error", ever)
	d.pay(t)
	d.happened(t, "Paid", 1)
	d.event(t, "transferred_out", 0)
	d.happened(t, "ReturnStarted", 1)
	d.registrar(t, 0, "move", "error", 0)
	d.ends(t, undone(d))
	var told struct {
		Events []struct {
			Type string `json:"type"`
			ZH   string `json:"zh"`
		} `json:"events"`
	}
	d.read(t, "anna", "/v1/pushes/"+d.id+"/timeline", &told)
	for _, event := range told.Events {
		if event.Type == "DomainReturned" {
			require.Contains(t, event.ZH, "已转出本注册商")
		}
	}
}

// Rule T7 holds when accepting as well; the buyer sees beforehand what would refuse it.
func TestASellerWhoHasUnboundItsAccountIsNotAccepted(t *testing.T) {
	t.Parallel()
	m := openSandbox(t, t.TempDir(), longWindow)
	d := m.offer(t, 1, 10_00)
	require.True(t, d.facts(t, "bo").Acceptable)
	m.control(t, "accounts.set", `{"account":"anna","alipay_account":""}`)
	require.Equal(t, "seller_no_alipay", d.tryAccept(t).Error.Code)
	seen := d.facts(t, "bo")
	require.False(t, seen.Acceptable)
	require.Equal(t, "seller_no_alipay", seen.Violations[0].Code)
	d.await(t, unsold("Offered"))
	m.control(t, "accounts.set", `{"account":"anna","alipay_account":"anna@example.com"}`)
	d.accept(t)
	d.pay(t)
	d.ends(t, settled(d))
	code, err := m.get("eve", "/v1/pushes/"+d.id+"/facts", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, code)
}
