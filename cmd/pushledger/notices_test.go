package main

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// missed asks for the notices of an account that are kept of a push.
func missed(t *testing.T, conn *nats.Conn, account, id string) (types []string, code string) {
	t.Helper()
	answer, err := conn.Request("push.query."+account+".notices", []byte(`{"push_id":"`+id+`"}`), readyPatience)
	require.NoError(t, err)
	var page struct {
		Notices []struct {
			Notice struct {
				Type   string `json:"type"`
				PushID string `json:"push_id"`
			} `json:"notice"`
		} `json:"notices"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	require.NoError(t, json.Unmarshal(answer.Data, &page), string(answer.Data))
	for _, kept := range page.Notices {
		require.Equal(t, id, kept.Notice.PushID)
		types = append(types, kept.Notice.Type)
	}
	return types, page.Error.Code
}

func TestNoticesReachTheirAccountsAloneAndOutliveTheProcess(t *testing.T) {
	data, inventory := t.TempDir(), writeInventory(t, 1)
	service := startProcess(t, data, inventory)
	seller, buyer := service.connect(t, "anna"), service.connect(t, "bo")
	heard, err := buyer.SubscribeSync("push.notice.bo.>")
	require.NoError(t, err)
	require.NoError(t, buyer.Flush())

	require.True(t, ask(t, seller, "push.cmd.anna.offer", `{"push_id":"p1","buyer":"bo","items":[{"domain":"d0.com","price":"5.00"}]}`).OK)
	message, err := heard.NextMsg(readyPatience)
	require.NoError(t, err)
	require.Equal(t, "push.notice.bo.p1.Offered", message.Subject)
	require.NotEmpty(t, message.Header.Get("Nats-Msg-Id"))
	requireKept := func(conn *nats.Conn) {
		require.Eventually(t, func() bool { // it is heard a moment before it is kept
			types, code := missed(t, conn, "bo", "p1")
			return code == "" && len(types) == 1 && types[0] == "Offered"
		}, readyPatience, 20*time.Millisecond)
	}
	requireKept(buyer)
	service.kill(t)

	service = startProcess(t, data, inventory)
	requireKept(service.connect(t, "bo"))
	_, code := missed(t, service.connect(t, "eve"), "eve", "p1")
	require.Equal(t, "push_not_found", code)
}

func TestNobodyListensToTheNoticesOfAnother(t *testing.T) {
	service := startProcess(t, t.TempDir(), writeInventory(t, 1))
	stranger := service.connect(t, "eve")
	forbidden := make(chan error, 1)
	stranger.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { forbidden <- err })
	for _, subject := range []string{"push.notice.bo.>", "push.notice.>", "push.notice.*.p1.Offered"} {
		_, err := stranger.SubscribeSync(subject)
		require.NoError(t, err)
		require.ErrorIs(t, <-forbidden, nats.ErrPermissionViolation, subject)
	}
	// Nobody asks the stream itself: it would answer on any subject that the asker names.
	for _, subject := range []string{
		"$JS.API.CONSUMER.CREATE.PUSH_NOTICES.x.push.notice.eve.>", "$JS.API.CONSUMER.MSG.NEXT.PUSH_NOTICES.x", "$JS.API.DIRECT.GET.PUSH_NOTICES",
	} {
		require.NoError(t, stranger.Publish(subject, []byte(`{}`)))
		require.ErrorIs(t, <-forbidden, nats.ErrPermissionViolation, subject)
	}
}
