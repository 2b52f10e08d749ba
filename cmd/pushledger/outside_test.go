package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// writeInventory makes an inventory of a seller, a buyer, a bystander and domains of the
// seller named d0.com, d1.com, ….
func writeInventory(t testing.TB, domains int) string {
	t.Helper()
	var names []string
	for i := range domains {
		names = append(names, fmt.Sprintf("d%d.com", i))
	}
	return inventoryOf(t, names)
}

// inventoryOf is a sandbox in which anna owns the domains.
func inventoryOf(t testing.TB, names []string) string {
	t.Helper()
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf(`{"domain":%q,"exists":true,"account":"anna","registered_at":"-60d","expires_at":"+300d",
			"registrar_ok":true,"account_move_locked":false,"product":"standard","pending":[],"restrictions":[],"sale":"none","revision":1}`, name))
	}
	var accounts []string
	for i, account := range []string{"anna", "bo", "eve"} {
		accounts = append(accounts, fmt.Sprintf(`{"account":%q,"exists":true,"real_name_verified":true,
			"alipay_account":"%s@example.com","alipay_name":%q,"alipay_type":"real_name","alipay_merchant_id":"208800000000010%d"}`, account, account, account, i))
	}
	path := filepath.Join(t.TempDir(), "inventory.json")
	text := `{"accounts":[` + strings.Join(accounts, ",") + `],"domains":[` + strings.Join(list, ",") + `]}`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func ask(t testing.TB, conn *nats.Conn, subject, body string) outsideReply {
	t.Helper()
	reply, err := request(conn, subject, body, "")
	require.NoError(t, err)
	return reply
}

func TestAnOutsiderSellsAndBuysADomain(t *testing.T) {
	service := startProcess(t, t.TempDir(), writeInventory(t, 2))
	require.NoError(t, service.command.Process.Signal(syscall.SIGHUP), "it asks for nothing that is not done anyway")
	seller, buyer, operator := service.connect(t, "anna"), service.connect(t, "bo"), service.connect(t, "operator")

	offered := ask(t, seller, "push.cmd.anna.offer", `{"push_id":"p1","buyer":"bo","items":[{"domain":"D0.com.","price":"1999"},{"domain":"d1.com","price":"0.50"}]}`)
	require.True(t, offered.OK, offered)
	require.Equal(t, "Offered", offered.Status)
	require.Equal(t, 1, offered.Version)
	require.NotEmpty(t, offered.CommandID)

	accepted := ask(t, buyer, "push.cmd.bo.accept", `{"push_id":"p1","total":"1999.50"}`)
	require.True(t, accepted.OK, accepted)
	require.Equal(t, "Accepted", accepted.Status)
	require.Equal(t, "1999.50", accepted.Payment.Amount)
	require.Contains(t, accepted.Payment.URL, "alipay.trade.page.pay")

	require.True(t, ask(t, operator, "sandbox.alipay.pay", `{"push_id":"p1","channel":"ALIPAYACCOUNT","notify":"normal"}`).OK)
	service.eventually(t, "bo", "p1", "Completed")

	var seen outsidePush
	code, err := service.get("eve", "/v1/pushes/p1", &seen)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, code)
	stranger := service.connect(t, "eve")
	require.Equal(t, "push_not_found", ask(t, stranger, "push.cmd.eve.accept", `{"push_id":"p1","total":"1999.50"}`).Error.Code)
	for _, verb := range []string{"withdraw", "takedown"} {
		body := map[string]string{"withdraw": `{"push_id":"p1"}`, "takedown": `{"push_id":"p1","reason":"late"}`}[verb]
		actor, conn := "anna", seller
		if verb == "takedown" {
			actor, conn = "operator", operator
		}
		require.Equal(t, "completed_is_final", ask(t, conn, "push.cmd."+actor+"."+verb, body).Error.Code, verb)
	}
	service.stop(t)
}

func TestACommandIsCarriedOutOnceForEver(t *testing.T) {
	data, inventory := t.TempDir(), writeInventory(t, 1)
	service := startProcess(t, data, inventory)
	id := uuid.NewString()
	body := `{"buyer":"bo","items":[{"domain":"d0.com","price":"5.00"}]}`
	first, err := request(service.connect(t, "anna"), "push.cmd.anna.offer", body, id)
	require.NoError(t, err)
	require.True(t, first.OK, first)
	service.kill(t)

	service = startProcess(t, data, inventory)
	seller := service.connect(t, "anna")
	again, err := request(seller, "push.cmd.anna.offer", body, id)
	require.NoError(t, err)
	require.Equal(t, first, again)
	other, err := request(seller, "push.cmd.anna.offer", strings.Replace(body, "5.00", "6.00", 1), id)
	require.NoError(t, err)
	require.Equal(t, "command_id_reused", other.Error.Code)
}

func TestBadInputIsNamedAndChangesNothing(t *testing.T) {
	service := startProcess(t, t.TempDir(), writeInventory(t, 1))
	seller := service.connect(t, "anna")
	many := make([]string, 501)
	for i := range many {
		many[i] = fmt.Sprintf(`{"domain":"many%d.com","price":"1.00"}`, i)
	}
	offer := func(domain, price string) string {
		return fmt.Sprintf(`{"buyer":"bo","items":[{"domain":%q,"price":%s}]}`, domain, price)
	}
	for name, bad := range map[string]struct{ verb, body, code string }{
		"not JSON":                 {"offer", `offer me this`, "invalid_json"},
		"nothing":                  {"offer", ``, "invalid_json"},
		"an array":                 {"offer", `[]`, "invalid_json"},
		"two objects":              {"offer", `{} {}`, "invalid_json"},
		"a doubled member":         {"offer", `{"buyer":"bo","buyer":"eve","items":[]}`, "invalid_json"},
		"bad UTF-8":                {"offer", "{\"buyer\":\"\xff\"}", "invalid_json"},
		"deep nesting":             {"offer", strings.Repeat("[", 20000), "invalid_json"},
		"an unknown field":         {"offer", `{"buyer":"bo","items":[],"colour":"red"}`, "unknown_field"},
		"a negative price":         {"offer", offer("d0.com", `"-1.00"`), "invalid_price"},
		"a price of 3 decimals":    {"offer", offer("d0.com", `"1.001"`), "invalid_price"},
		"a price that is a number": {"offer", offer("d0.com", `1.00`), "invalid_price"},
		"a huge price":             {"offer", offer("d0.com", `"999999999999999999999.00"`), "above_payment_maximum"},
		"NaN":                      {"offer", offer("d0.com", `"NaN"`), "invalid_price"},
		"a space in a domain":      {"offer", offer("d 0.com", `"1.00"`), "invalid_domain"},
		"a wildcard":               {"offer", offer("*.com", `"1.00"`), "invalid_domain"},
		"a NATS wildcard":          {"offer", offer(">", `"1.00"`), "invalid_domain"},
		"dots in odd places":       {"offer", offer("d0..com", `"1.00"`), "invalid_domain"},
		"a leading dot":            {"offer", offer(".d0.com", `"1.00"`), "invalid_domain"},
		"a subdomain":              {"offer", offer("www.d0.com", `"1.00"`), "invalid_domain"},
		"an address":               {"offer", offer("127.0.0.1", `"1.00"`), "invalid_domain"},
		"Unicode and punycode":     {"offer", `{"buyer":"bo","items":[{"domain":"云帆.中国","price":"1.00"},{"domain":"xn--mnqp26g.xn--fiqs8s","price":"1.00"}]}`, ""},
		"501 domains":              {"offer", `{"buyer":"bo","items":[` + strings.Join(many, ",") + `]}`, "batch_too_large"},
		"no domain":                {"offer", `{"buyer":"bo","items":[]}`, "batch_empty"},
		"a megabyte":               {"offer", `{"buyer":"bo","remark":"` + strings.Repeat("x", 1<<20) + `"}`, "too_large"},
		"a long remark":            {"offer", `{"buyer":"bo","items":[{"domain":"d0.com","price":"1.00"}],"remark":"` + strings.Repeat("好", 201) + `"}`, "too_large"},
		"a buyer with a wildcard":  {"offer", `{"buyer":"b.*","items":[{"domain":"d0.com","price":"1.00"}]}`, "invalid_account"},
		"a foreign push":           {"withdraw", `{"push_id":"not-there"}`, "push_not_found"},
		"a push id with dots":      {"withdraw", `{"push_id":"a.b.>"}`, "invalid_push_id"},
		"a validity below 0":       {"offer", `{"buyer":"bo","items":[{"domain":"d0.com","price":"1.00"}],"valid_for":"-1h"}`, "invalid_validity"},
		"a validity of 8 days":     {"offer", `{"buyer":"bo","items":[{"domain":"d0.com","price":"1.00"}],"valid_for":"192h"}`, "validity_too_long"},
		"a total that is no text":  {"accept", `{"push_id":"x","total":1}`, "invalid_price"},
		"an unknown verb":          {"steal", `{}`, "unknown_verb"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := ask(t, seller, "push.cmd.anna."+bad.verb, bad.body)
			require.False(t, reply.OK)
			if bad.code == "" {
				return
			}
			require.Equal(t, bad.code, reply.Error.Code)
			require.NotEmpty(t, reply.Error.Message)
			require.NotEmpty(t, reply.Error.MessageZH)
		})
	}
	same := ask(t, seller, "push.cmd.anna.offer", `{"buyer":"bo","items":[{"domain":"青禾.网络","price":"1.00"},{"domain":"xn--5nqz61d.xn--io0a7i","price":"1.00"}]}`)
	require.False(t, same.OK)

	var page struct {
		Pushes []outsidePush `json:"pushes"`
	}
	code, err := service.get("anna", "/v1/pushes", &page)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	require.Empty(t, page.Pushes, "bad input has changed something")
	require.True(t, ask(t, seller, "push.cmd.anna.offer", offer("d0.com", `"1.00"`)).OK, "the service is alive")
}

// A token says who somebody is and what he may do; the name says nothing.
func TestTheRoleOfTheTokenDecidesOnBothDoors(t *testing.T) {
	data := t.TempDir()
	running := startProcess(t, data, writeInventory(t, 1))
	mint := func(account, role string) string {
		token, err := exec.Command("pushledger", "token", "--data", data, "--account", account, "--role", role).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(token))
	}
	running.ready.Tokens["mallory"] = mint("mallory", "trader")
	running.ready.Tokens["auditor"] = mint("auditor", "trader")
	running.ready.Tokens["olga"] = mint("olga", "operator")
	seller := running.connect(t, "anna")
	offered, err := request(seller, "push.cmd.anna.offer",
		`{"push_id":"roles","buyer":"bo","items":[{"domain":"d0.com","price":"8.00"}]}`, "")
	require.NoError(t, err)
	require.True(t, offered.OK, offered)

	for _, account := range []string{"mallory", "auditor"} {
		reply, err := request(running.connect(t, account), "push.cmd."+account+".takedown", `{"push_id":"roles","reason":"x"}`, "")
		require.NoError(t, err)
		require.Equal(t, "push_not_found", reply.Error.Code)
		refused, err := request(running.connect(t, account), "push.query."+account+".journal", "", "")
		require.NoError(t, err)
		require.Equal(t, "not_allowed", refused.Error.Code)
	}
	taken, err := request(running.connect(t, "olga"), "push.cmd.olga.takedown", `{"push_id":"roles","reason":"x"}`, "")
	require.NoError(t, err)
	require.True(t, taken.OK, taken)
}
