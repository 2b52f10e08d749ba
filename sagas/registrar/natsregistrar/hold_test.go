package natsregistrar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

var someHold = registrar.Hold{OperationID: "hold-1", Domain: "a.com", Held: true}

func TestAHoldIsAskedForInTheFormOfTheContract(t *testing.T) {
	conn := connect(t)
	asked := make(chan string, 2)
	answering(t, conn, natsregistrar.SubjectHold, func(request []byte) string {
		asked <- string(request)
		return `{"state":"refused","code":"hold_ended","held_by":"nobody"}`
	})
	client := natsregistrar.New(conn, patience)
	for _, held := range []bool{true, false} {
		result, err := client.Hold(t.Context(), registrar.Hold{OperationID: "hold-1", Domain: "a.com", Held: held})
		require.NoError(t, err)
		require.Equal(t, registrar.HoldResult{State: registrar.HoldRefused, Code: "hold_ended"}, result)
	}
	require.JSONEq(t, `{"operation_id":"hold-1","domain":"a.com","hold":true}`, <-asked)
	require.JSONEq(t, `{"operation_id":"hold-1","domain":"a.com","hold":false}`, <-asked)
}

// A registrar of which nothing is known but that it answers for domains.
func TestARegistrarThatDoesNotListenForHoldsHoldsNothing(t *testing.T) {
	conn := connect(t)
	answering(t, conn, natsregistrar.SubjectFacts, func([]byte) string { return `{"facts":[` + fact("a.com") + `]}` })
	for _, held := range []bool{true, false} {
		result, err := natsregistrar.New(conn, patience).Hold(t.Context(), registrar.Hold{OperationID: "hold-1", Domain: "a.com", Held: held})
		require.NoError(t, err)
		require.Equal(t, registrar.HoldResult{State: registrar.HoldUnsupported}, result)
	}
}

func TestARegistrarThatIsAwayMayHold(t *testing.T) {
	conn := connect(t)
	_, err := natsregistrar.New(conn, patience).Hold(t.Context(), someHold)
	require.ErrorIs(t, err, registrar.ErrUnavailable, "it does not answer for the domain either")
	require.ErrorIs(t, err, nats.ErrNoResponders)
	answering(t, conn, natsregistrar.SubjectFacts, func([]byte) string { return `{"ok":false}` })
	_, err = natsregistrar.New(conn, patience).Hold(t.Context(), someHold)
	require.ErrorIs(t, err, registrar.ErrUnavailable, "nor is rubbish an answer")
}

// It was only starting: while it is asked about the domain, it begins to listen for holds.
func TestARegistrarThatIsStartingIsAskedAgain(t *testing.T) {
	conn := connect(t)
	answering(t, conn, natsregistrar.SubjectFacts, func([]byte) string {
		answering(t, conn, natsregistrar.SubjectHold, func([]byte) string { return `{"state":"done"}` })
		return `{"facts":[` + fact("a.com") + `]}`
	})
	result, err := natsregistrar.New(conn, patience).Hold(t.Context(), someHold)
	require.NoError(t, err)
	require.Equal(t, registrar.HoldResult{State: registrar.HoldDone}, result)
}

func TestUnusableHolds(t *testing.T) {
	conn := connect(t)
	answers := make(chan string, 1)
	answering(t, conn, natsregistrar.SubjectHold, func([]byte) string { return <-answers })
	client := natsregistrar.New(conn, patience)
	for _, answer := range []string{
		``, `{}`, `[]`, `{"state":"unknown"}`, `{"state":"held"}`, `{"state":true}`, `{"state":"done","state":"refused"}`,
		`{"state":"done","code":7}`, `{"state":"refused","code":"` + strings.Repeat("x", 300) + `"}`, `{"ok":false,"error":{"code":"x"}}`,
	} {
		answers <- answer
		result, err := client.Hold(t.Context(), someHold)
		require.ErrorIs(t, err, registrar.ErrUnavailable, answer)
		require.Zero(t, result)
	}
	quiet := connect(t)
	unheard, err := quiet.SubscribeSync(natsregistrar.SubjectHold)
	require.NoError(t, err)
	_, err = natsregistrar.New(quiet, 20*time.Millisecond).Hold(t.Context(), someHold)
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.NoError(t, unheard.Unsubscribe())
}

func TestAMoveIsAskedForInTheFormOfTheContract(t *testing.T) {
	conn := connect(t)
	asked := make(chan string, 1)
	answering(t, conn, natsregistrar.SubjectMove, func(request []byte) string {
		asked <- string(request)
		return `{"state":"done","revision":2}`
	})
	client := natsregistrar.New(conn, patience)
	move := registrar.Move{OperationID: "op-1", Domain: "a.com", From: "ann", To: "bob"}
	for _, want := range []string{
		`{"operation_id":"op-1","domain":"a.com","from":"ann","to":"bob"}`,
		`{"operation_id":"op-1","domain":"a.com","from":"ann","to":"bob","registrant":"template-7","void_auth_code":true}`,
	} {
		_, err := client.Move(t.Context(), move)
		require.NoError(t, err)
		require.JSONEq(t, want, <-asked)
		move.Registrant, move.VoidAuthCode = "template-7", true
	}
}

func TestOptionalFactsAreRead(t *testing.T) {
	conn := connect(t)
	names := []domainname.Name{"xn--fsq.xn--fiqz9s", "a.com"}
	answering(t, conn, natsregistrar.SubjectFacts, func([]byte) string {
		more := `"canonical":"例.中国","registrar":"r","registrant_hint":"王**","locks":["held"],"sale"`
		return `{"facts":[` + fact("例.中國", `"sale"`, more) + `,` + fact("a.com", `"sale"`, `"canonical":"A.COM.","sale"`) + `]}`
	})
	list, err := natsregistrar.New(conn, patience).Facts(t.Context(), names)
	require.NoError(t, err)
	require.Equal(t, names[0], list[0].Domain)
	require.Equal(t, domainname.Name("xn--fsq.xn--fiqs8s"), list[0].Canonical)
	require.Equal(t, []string{"r", "王**", "held"}, []string{list[0].Registrar, list[0].RegistrantHint, list[0].Locks[0]})
	require.Empty(t, list[1].Canonical, "it is its only name")
	text, err := json.Marshal(list[1])
	require.NoError(t, err)
	require.NotContains(t, string(text), "canonical")
}
