package commands_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/registrar"
)

const (
	anna, bo, carl, operator = "anna", "bo", "carl", "operator"

	window = 30 * time.Minute
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// partners are a registrar in which every domain is anna's and healthy, a directory of
// anna and bo, and a provider whose pages are each signed at another time.
type partners struct {
	registrar.Registrar
	payment.Provider
	down      atomic.Bool // registrar and directory
	unsigned  atomic.Bool // the provider's key is gone
	locked    atomic.Bool // every domain
	known     atomic.Bool // by Alipay's id, bo
	merchant  atomic.Bool // whether accounts have a number as a merchant at Alipay
	signed    atomic.Int64
	asked     atomic.Int64
	afterFact func() // if not nil, called when the registrar has answered
}

func (p *partners) Facts(_ context.Context, names []domainname.Name) ([]push.DomainFacts, error) {
	p.asked.Add(1)
	if p.down.Load() {
		return nil, registrar.ErrUnavailable
	}
	facts := make([]push.DomainFacts, len(names))
	for i, name := range names {
		facts[i] = push.DomainFacts{
			Domain: name, Exists: true, Account: anna, RegistrarOK: true, Product: "standard", Sale: "none",
			RegisteredAt: noon.AddDate(-1, 0, 0), ExpiresAt: noon.AddDate(1, 0, 0), AccountMoveLocked: p.locked.Load(),
		}
	}
	if p.afterFact != nil {
		p.afterFact()
	}
	return facts, nil
}

func (p *partners) Account(_ context.Context, account string) (push.AccountFacts, error) {
	if p.down.Load() {
		return push.AccountFacts{}, registrar.ErrUnavailable
	}
	exists := account == anna || account == bo
	facts := push.AccountFacts{Account: account, Exists: exists, RealNameVerified: exists, AlipayAccount: account + "@example.com"}
	if p.merchant.Load() {
		facts.AlipayMerchantID = "2088000000000107"
	}
	if account == bo && p.known.Load() {
		facts.AlipayUserID, facts.IdentityHash = "2088-bo", "b0"
	}
	return facts, nil
}

func (p *partners) PayURL(order payment.Order) (string, error) {
	if p.unsigned.Load() {
		return "", errors.New("no key to sign with")
	}
	return fmt.Sprintf("https://pay.example/%s?amount=%s&signed=%d%s", order.TradeNo, order.Amount, p.signed.Add(1), order.IdentityHash), nil
}

// desk is a handler on a log in memory.
type desk struct {
	*commands.Handler
	*partners
	log *memory.Store
}

func newDesk() *desk {
	log := memory.New(eventstore.NewRegistry(catalog.Events()...), func() time.Time { return noon })
	return deskOn(log, log)
}

func deskOn(log *memory.Store, over eventstore.Store) *desk {
	return deskWith(log, over, logIndex{log})
}

func deskWith(log *memory.Store, over eventstore.Store, index commands.Index) *desk {
	p := new(partners)
	return &desk{partners: p, log: log, Handler: commands.NewHandler(commands.Config{
		Ledger: ledger.New(over), Registrar: p, Directory: p, Provider: p,
		Now: func() time.Time { return noon }, Window: window,
		Operator: func(account string) bool { return account == operator },
		Index:    index, Logger: slog.New(slog.DiscardHandler),
	})}
}

// say gives one command with a new id.
func (d *desk) say(account, verb, body string) commands.Reply {
	return d.repeat(uuid.NewString(), account, verb, body)
}

func (d *desk) repeat(id, account, verb, body string) commands.Reply {
	return d.Handle(context.Background(), commands.Command{Account: account, Verb: verb, ID: id, Body: []byte(body)})
}

func (d *desk) length(t *testing.T) uint64 {
	t.Helper()
	last, err := d.log.LastSequence(t.Context())
	require.NoError(t, err)
	return last
}

// done demands success.
func done(t *testing.T, reply commands.Reply) commands.Reply {
	t.Helper()
	require.True(t, reply.OK, "%+v", reply.Error)
	require.Nil(t, reply.Error)
	return reply
}

func refused(t *testing.T, code string, reply commands.Reply) {
	t.Helper()
	require.False(t, reply.OK)
	require.Equal(t, code, reply.Error.Code)
	require.NotEmpty(t, reply.Error.Message)
	require.NotEmpty(t, reply.Error.MessageZH)
}

func encoded(t testing.TB, reply commands.Reply) string {
	t.Helper()
	text, err := json.Marshal(reply, json.Deterministic(true))
	require.NoError(t, err)
	return string(text)
}

const (
	offerP1  = `{"push_id":"p-1","buyer":"bo","items":[{"domain":"alpha.com","price":"1999.00"}]}`
	acceptP1 = `{"push_id":"p-1","total":"1999.00"}`
	justP1   = `{"push_id":"p-1"}`
	takeP1   = `{"push_id":"p-1","reason":"court order 17"}`
)

// verbs take push p-1 from its offer to its end.
var verbs = []struct{ verb, actor, body string }{
	{"offer", anna, offerP1},
	{"accept", bo, acceptP1},
	{"takedown", operator, takeP1},
}

// T9. A push from before a rule on names grew stricter goes on: only new offers are held to it.
func TestAPushOfANameThatIsNoLongerSoldGoesOn(t *testing.T) {
	const coffee domainname.Name = "xn--53h.com"
	d := newDesk()
	refused(t, push.CodeInvalidDomain, d.say(anna, "offer", strings.Replace(offerP1, "alpha.com", "☕.com", 1)))
	facts, err := d.Facts(t.Context(), []domainname.Name{coffee})
	require.NoError(t, err)
	_, err = ledger.New(d.log).Offer(t.Context(), eventstore.Metadata{CommandID: uuid.NewString(), Actor: anna}, "p-1", []domainname.Name{coffee},
		func(current ledger.Push, _ map[domainname.Name]string) ([]push.Event, error) {
			account := push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "a@example.com"}
			return push.DecideOffer(current.State, push.Offer{PushID: "p-1", Seller: anna, Buyer: bo, Items: []push.Item{{Domain: coffee, Price: 1999_00}}},
				push.OfferFacts{CheckedAt: noon, Seller: account, Buyer: account, Domains: facts}, noon)
		})
	require.NoError(t, err)
	require.Equal(t, push.StatusAccepted, done(t, d.say(bo, "accept", acceptP1)).Status)
}

// T6, where it is demanded that buyers pay themselves.
func TestTheBuyersOwnAccountIsDemanded(t *testing.T) {
	d := newDesk()
	d.OwnAccount = true
	done(t, d.say(anna, "offer", offerP1))
	refused(t, push.CodeBuyerNoAlipay, d.say(bo, "accept", acceptP1))
	d.known.Store(true)
	require.Equal(t, push.StatusAccepted, done(t, d.say(bo, "accept", acceptP1)).Status)
	history, err := d.log.Load(t.Context(), ledger.PushStream("p-1"))
	require.NoError(t, err)
	accepted := history[len(history)-1].Event.(push.Accepted)
	require.Equal(t, push.Payer{UserID: "2088-bo"}, accepted.Payer)
	require.True(t, strings.HasSuffix(accepted.PayURL, "signed=1b0"), "the provider refuses others before they pay")
}

// T7, where sellers are paid by confirming trades.
func TestTheSellersMerchantNumberIsDemandedAndRecorded(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	d.ByMerchant = true
	refused(t, push.CodeSellerNoMerchant, d.say(bo, "accept", acceptP1))
	refused(t, push.CodeSellerNoMerchant, d.say(anna, "offer", `{"push_id":"p-2","buyer":"bo","items":[{"domain":"beta.com","price":"1.00"}]}`))
	d.merchant.Store(true)
	require.Equal(t, push.StatusAccepted, done(t, d.say(bo, "accept", acceptP1)).Status)
	history, err := d.log.Load(t.Context(), ledger.PushStream("p-1"))
	require.NoError(t, err)
	require.Equal(t, "2088000000000107", history[len(history)-1].Event.(push.Accepted).Merchant)
}

func TestAnswers(t *testing.T) {
	d := newDesk()
	offered := done(t, d.repeat("0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11", anna, "offer", offerP1))
	require.JSONEq(t, `{"ok":true,"push_id":"p-1","status":"Offered","version":1,"seq":2,
		"command_id":"0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11"}`, encoded(t, offered))
	accepted := done(t, d.say(bo, "accept", acceptP1))
	require.Equal(t, push.StatusAccepted, accepted.Status)
	require.Equal(t, &commands.Payment{
		URL:       "https://pay.example/" + push.TradeNo("p-1") + "?amount=1999.00&signed=1",
		ExpiresAt: noon.Add(window), Amount: 1999_00,
	}, accepted.Payment)
	down := done(t, d.say(operator, "takedown", takeP1))
	require.Equal(t, push.StatusInvalidated, down.Status)
	require.Nil(t, down.Payment, "only an accept tells where to pay")
	require.Equal(t, d.length(t), down.Seq)

	free := done(t, d.say(anna, "offer", offerP1Without("p-2")))
	require.Equal(t, push.StatusWithdrawn, done(t, d.say(anna, "withdraw", `{"push_id":"p-2"}`)).Status)
	require.Equal(t, "p-2", free.PushID)
	done(t, d.say(anna, "offer", offerP1Without("p-3")))
	require.Equal(t, push.StatusDeclined, done(t, d.say(bo, "decline", `{"push_id":"p-3","reason":"too dear"}`)).Status)
}

func offerP1Without(id string) string { return strings.Replace(offerP1, "p-1", id, 1) }

// Rule T1: to everybody else the push does not exist.
func TestStrangersDoNotSeeThePush(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	before := d.length(t)
	for _, step := range []struct{ verb, body string }{
		{"accept", acceptP1}, {"withdraw", justP1}, {"decline", justP1}, {"takedown", takeP1},
	} {
		existing := d.repeat("0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11", carl, step.verb, step.body)
		refused(t, push.CodePushNotFound, existing)
		unknown := d.repeat("0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11", carl, step.verb, strings.Replace(step.body, "p-1", "p-404", 1))
		require.Equal(t, encoded(t, unknown), encoded(t, existing), "nor can they tell that there is one")
		for _, account := range []string{anna, bo, operator} {
			refused(t, push.CodePushNotFound, d.say(account, step.verb, strings.Replace(step.body, "p-1", "p-404", 1)))
		}
	}
	require.Equal(t, before, d.length(t))
}

func TestOnlyTheRightPartyMayAct(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	before := d.length(t)
	for _, wrong := range []struct{ verb, actor, body string }{
		{"accept", anna, acceptP1},
		{"accept", operator, acceptP1},
		{"withdraw", bo, justP1},
		{"withdraw", operator, justP1},
		{"decline", anna, justP1},
		{"decline", operator, justP1},
		{"takedown", anna, takeP1},
		{"takedown", bo, takeP1},
	} {
		refused(t, push.CodeNotYourPush, d.say(wrong.actor, wrong.verb, wrong.body))
	}
	require.Equal(t, before, d.length(t))
}

func TestAPushIDIsTakenOnce(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	refused(t, push.CodePushExists, d.say(anna, "offer", strings.Replace(offerP1, "alpha", "beta", 1)))
	done(t, d.say(anna, "withdraw", justP1))
	refused(t, push.CodePushExists, d.say(anna, "offer", offerP1))

	// Somebody else takes the id while the registrar is being asked.
	var faster commands.Reply
	d.afterFact = func() {
		d.afterFact = nil
		faster = d.say(anna, "offer", offerP1Without("p-2"))
	}
	refused(t, push.CodePushExists, d.say(anna, "offer", strings.Replace(offerP1Without("p-2"), "alpha", "beta", 1)))
	done(t, faster)
}

// Fault F29: nothing has changed, and the same Command-Id works later.
func TestPartnersAreDown(t *testing.T) {
	d := newDesk()
	for _, step := range verbs[:2] {
		before, id := d.length(t), uuid.NewString()
		d.down.Store(true)
		refused(t, push.CodeUnavailable, d.repeat(id, step.actor, step.verb, step.body))
		require.Equal(t, before, d.length(t))
		d.down.Store(false)
		done(t, d.repeat(id, step.actor, step.verb, step.body))
	}
}

func TestWithoutAPaymentPageThereIsNoPurchase(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	before, id := d.length(t), uuid.NewString()
	d.unsigned.Store(true)
	refused(t, push.CodeUnavailable, d.repeat(id, bo, "accept", acceptP1))
	require.Equal(t, before, d.length(t))
	d.unsigned.Store(false)
	require.NotNil(t, done(t, d.repeat(id, bo, "accept", acceptP1)).Payment)
}

// Rule T8: accepting a total of 0 is paying it.
func TestAGiftNeedsNoPayment(t *testing.T) {
	d := newDesk()
	d.unsigned.Store(true)
	done(t, d.say(anna, "offer", strings.Replace(offerP1, "1999.00", "0", 1)))
	reply := done(t, d.say(bo, "accept", `{"push_id":"p-1","total":"0.00"}`))
	require.Equal(t, push.StatusPaid, reply.Status)
	require.Nil(t, reply.Payment)
}

func TestTheBuyerPaysTheTotalThatItSaw(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	refused(t, push.CodeTotalChanged, d.say(bo, "accept", `{"push_id":"p-1","total":"1998.99"}`))
	for _, total := range []string{`1999.00`, `"-1"`, `null`, `"1999.000"`, `{}`} {
		refused(t, push.CodeInvalidPrice, d.say(bo, "accept", `{"push_id":"p-1","total":`+total+`}`))
	}
	refused(t, push.CodeInvalidPrice, d.say(bo, "accept", justP1))
	require.Equal(t, uint64(2), d.length(t))
}

// Rule L7: what changed since the offer is seen at the accept.
func TestEligibilityIsCheckedAgainAtTheAccept(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	d.locked.Store(true)
	reply := d.say(bo, "accept", acceptP1)
	refused(t, push.CodeAccountMoveLocked, reply)
	require.Equal(t, "alpha.com", reply.Error.Violations[0].Domain)
}

func TestMalformedCommandsAreRefused(t *testing.T) {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	before := d.length(t)
	for _, test := range []struct{ account, verb, body, code string }{
		{anna, "sell", `{}`, push.CodeUnknownVerb},
		{anna, "OFFER", offerP1, push.CodeUnknownVerb},
		{anna, "withdraw", `{`, push.CodeInvalidJSON},
		{anna, "withdraw", `null`, push.CodeInvalidJSON},
		{anna, "withdraw", ``, push.CodeInvalidJSON},
		{anna, "withdraw", `{"push_id":"p-1","force":true}`, push.CodeUnknownField},
		{anna, "withdraw", `{}`, push.CodeInvalidPushID},
		{anna, "withdraw", `{"push_id":"push.>"}`, push.CodeInvalidPushID},
		{bo, "decline", `{"push_id":""}`, push.CodeInvalidPushID},
		{bo, "accept", `{"push_id":"*","total":"1"}`, push.CodeInvalidPushID},
		{bo, "accept", `{"push_id":"p-1","total":"1","tip":"1"}`, push.CodeUnknownField},
		{bo, "accept", `[]`, push.CodeInvalidJSON},
		{operator, "takedown", justP1, push.CodeReasonRequired},
		{anna, "offer", `{"buyer":"anna","items":[{"domain":"beta.com","price":"1"}]}`, push.CodeBuyerIsSeller},
		{anna, "offer", `{"buyer":"eve","items":[{"domain":"beta.com","price":"1"}]}`, push.CodeBuyerUnknown},
		{anna, "offer", `{"buyer":"bo","items":[{"domain":"beta.com","price":"0.09"}]}`, push.CodeBelowPayoutMinimum},
		{anna, "offer", `{"buyer":"bo","items":[{"domain":"beta.com","price":"1"}],"valid_for":"169h"}`, push.CodeValidityTooLong},
		{anna, "offer", `{"buyer":"bo","items":[{"domain":"beta.com","price":"1"}],"valid_for":"1h","expires_at":"2026-11-02T13:00:00Z"}`, push.CodeInvalidValidity},
		{"an.na", "withdraw", justP1, push.CodeInvalidAccount},
	} {
		refused(t, test.code, d.say(test.account, test.verb, test.body))
	}
	refused(t, push.CodeInvalidCommandID, d.repeat("once", anna, "withdraw", justP1))
	require.Equal(t, before, d.length(t))
}

// A malformed item hides nothing that is wrong with the others.
func TestMalformedItemsAndBrokenRulesAreNamedTogether(t *testing.T) {
	d := newDesk()
	d.locked.Store(true)
	reply := d.say(anna, "offer", `{"buyer":"bo","items":[
		{"domain":"al pha.com","price":"1"},{"domain":"beta.com","price":"1"},{"domain":"gamma.com","price":"0.001"},
		{"domain":"delta.com","price":"0.05"},{"domain":"DELTA.com","price":"0.05"}]}`)
	refused(t, push.CodeInvalidDomain, reply)
	var found []string
	for _, violation := range reply.Error.Violations {
		found = append(found, violation.Domain+" "+violation.Code)
	}
	require.ElementsMatch(t, []string{
		"al pha.com " + push.CodeInvalidDomain, "gamma.com " + push.CodeInvalidPrice, "delta.com " + push.CodeDuplicateDomain,
		"beta.com " + push.CodeAccountMoveLocked, "gamma.com " + push.CodeAccountMoveLocked, "delta.com " + push.CodeAccountMoveLocked,
	}, found)
	require.Zero(t, d.length(t))
}

// A price that is none hides neither what is wrong with its own domain nor with the push.
func TestAMalformedPriceHidesNothing(t *testing.T) {
	d := newDesk()
	d.locked.Store(true)
	for body, want := range map[string][]string{
		`{"buyer":"bo","items":[{"domain":"alpha.com","price":7}]}`: {
			"alpha.com " + push.CodeInvalidPrice, "alpha.com " + push.CodeAccountMoveLocked,
		},
		`{"buyer":"carl","items":[{"domain":"alpha.com","price":"-1"},{"domain":"ALPHA.com","price":"1e3"}]}`: {
			"alpha.com " + push.CodeInvalidPrice, "alpha.com " + push.CodeInvalidPrice, "alpha.com " + push.CodeDuplicateDomain,
			" " + push.CodeBuyerUnknown, "alpha.com " + push.CodeAccountMoveLocked,
		},
		`{"buyer":"bo","items":[{"domain":"alpha.com","price":"x"},{"domain":"beta.com","price":"99999999"},{"domain":"gamma.com","price":"2"}]}`: {
			"alpha.com " + push.CodeInvalidPrice, " " + push.CodeAbovePayment, "alpha.com " + push.CodeAccountMoveLocked,
			"beta.com " + push.CodeAccountMoveLocked, "gamma.com " + push.CodeAccountMoveLocked,
		},
		`{"buyer":"bo","valid_for":"169h","items":[{"domain":"alpha.com","price":"x"}]}`: {
			"alpha.com " + push.CodeInvalidPrice, " " + push.CodeValidityTooLong, "alpha.com " + push.CodeAccountMoveLocked,
		},
	} {
		reply := d.say(anna, "offer", body)
		require.False(t, reply.OK, body)
		var found []string
		for _, violation := range reply.Error.Violations {
			found = append(found, violation.Domain+" "+violation.Code)
		}
		require.ElementsMatch(t, want, found, body)
	}
}
