package commands

import (
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// hostileBodies are seeds for every command.
var hostileBodies = []string{
	`{"push_id":"p-1","total":"1999.00"}`, `{"push_id":"p-1","reason":"x"}`, `{"push_id":"p-1","push_id":"p-2"}`,
	`{"push_id":"p-1","step":"refund","request_no":"R1","reason":"x","reference":"4711"}`,
	`{"push_id":"p-1","step":"return","domain":"例子.中国","place":"returned","reason":"x","reference":"4711"}`,
	`{"push_id":"p.>","reason":"x"}`, `{"push_id":"p-1\r\nActor: bo","reason":"x"}`, `{"push_id":"p-1","reason":"\u0000"}`,
	`{"Push_ID":"p-1"}`, `{"push_id":"p-1"}{}`, "\ufeff{\"push_id\":\"p-1\"}", `{"push_id":"p-1","total":1e999}`,
	`{"push_id":"p-1","total":` + strings.Repeat("9", 400) + `}`, `{"push_id":"p-1","total":` + strings.Repeat("[", 10_000) + `}`,
	`{"push_id":"p-1","reason":"` + "\xff" + `"}`, `{"push_id":"p-1","reason":"\ud800"}`, `null`, ``, `{}`,
}

// FuzzDecodeAnswers holds that whatever accepts, declines, withdraws, takes down, retries or
// settles is well formed, or refused with a code.
func FuzzDecodeAnswers(f *testing.F) {
	for _, body := range hostileBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var accept acceptBody
		if requireWell(t, decode(data, &accept)) {
			if total, code := parsePrice(accept.Total); code == "" {
				require.True(t, total >= 0 && total <= money.Max)
			}
		}
		var withdraw withdrawBody
		if requireWell(t, decode(data, &withdraw)) && requireWell(t, checkPushID(withdraw.PushID)) {
			require.Regexp(t, idPattern, withdraw.PushID)
		}
		if body, err := decodeReason(data, true); requireWell(t, err) {
			require.NotEmpty(t, strings.TrimSpace(body.Reason))
			requireText(t, body.Reason)
		}
		var settle settleBody
		if requireWell(t, decode(data, &settle)) {
			if task, err := settle.settled(); requireWell(t, err) {
				require.NoError(t, push.CheckTask(task))
				require.True(t, task.RequestNo == "" || idPattern.MatchString(task.RequestNo))
				requireText(t, settle.Reference)
				requireText(t, settle.Reason)
			}
		}
	})
}

// requireWell reports that there is no error; any other is a refusal with a code.
func requireWell(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		require.NotEmpty(t, refusalOf(t, err).Code)
	}
	return err == nil
}

func requireText(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	require.LessOrEqual(t, utf8.RuneCountInString(text), push.MaxText)
}

// FuzzIdentify holds that a command which is carried out has one id in one form, an actor
// who is one token of a subject, and a body that is JSON.
func FuzzIdentify(f *testing.F) {
	for _, body := range hostileBodies {
		f.Add("anna", "0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11", []byte(body))
	}
	f.Add("an.na", "", []byte(`{}`))
	f.Add("anna\r\nX: y", "{0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11}", []byte(`{}`))
	f.Add("anna", "0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d1\n", []byte(`{}`))
	f.Fuzz(func(t *testing.T, account, id string, body []byte) {
		command := Command{Account: account, Verb: verbOffer, ID: id, Body: body}
		metadata, err := identify(&command)
		if !requireWell(t, err) {
			return
		}
		require.Regexp(t, idPattern, metadata.Actor)
		parsed, err := uuid.Parse(metadata.CommandID)
		require.NoError(t, err)
		require.Equal(t, parsed.String(), metadata.CommandID)
		require.True(t, id == "" || strings.EqualFold(id, metadata.CommandID))
		_, err = hex.DecodeString(metadata.CommandHash)
		require.NoError(t, err)
		require.True(t, jsontext.Value(body).IsValid())
		again := Command{Account: account, Verb: verbOffer, ID: command.ID, Body: append([]byte(" "), body...)}
		same, err := identify(&again)
		if err == nil {
			require.Equal(t, metadata.CommandHash, same.CommandHash)
		}
	})
}
