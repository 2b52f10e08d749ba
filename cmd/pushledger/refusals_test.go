package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
)

const refusalInventory = `{"accounts":[
	{"account":"anna","real_name_verified":true,"alipay_account":"a@example.com","alipay_name":"A"},
	{"account":"bo"},
	{"account":"nora","real_name_verified":false,"alipay_account":"","alipay_name":""}],
"domains":[
	{"domain":"good.com","account":"anna","registered_at":"-60d","expires_at":"+300d"},
	{"domain":"云帆.中国","account":"anna","registered_at":"-60d","expires_at":"+300d"},
	{"domain":"theirs.com","account":"bo","registered_at":"-60d","expires_at":"+300d"},
	{"domain":"young.cn","account":"anna","registered_at":"-1d","expires_at":"+300d"},
	{"domain":"expired.com","account":"anna","registered_at":"-60d","expires_at":"-1d"},
	{"domain":"locked.com","account":"anna","registered_at":"-60d","expires_at":"+300d","account_move_locked":true},
	{"domain":"site.com","account":"anna","registered_at":"-60d","expires_at":"+300d","product":"microsite"},
	{"domain":"pending.com","account":"anna","registered_at":"-60d","expires_at":"+300d","pending":["registrant_change"]},
	{"domain":"dispute.com","account":"anna","registered_at":"-60d","expires_at":"+300d","restrictions":["dispute"]},
	{"domain":"auction.com","account":"anna","registered_at":"-60d","expires_at":"+300d","sale":"auction"},
	{"domain":"taken.com","account":"anna","registered_at":"-60d","expires_at":"+300d"},
	{"domain":"secret.com","account":"anna","registered_at":"-60d","expires_at":"+300d"}]}`

// hostileDomains are texts that are no domain name, and come back in the refusal.
var hostileDomains = []string{
	"foo_bar.com", "", ".", "com", "www.good.com", "GOOD com", " good.com", "good.com\n", "*.com", "xn--中国-.cn", "xn--が-.com", "xn--.com",
	"☕.com", "a–b.com", "example.onion", "1.2.3.4", "http://good.com", "\u202egood.com", "\x00.com", `"good".com`, `\.com`, "\U0001F600",
	strings.Repeat("长", 500), "-a.com", "a..com", "云帆", "Good.Com..",
}

func offerItems(buyer string, more string, items ...[2]string) string {
	var list []string
	for _, item := range items {
		list = append(list, fmt.Sprintf(`{"domain":%s,"price":%s}`, quoted(item[0]), quoted(item[1])))
	}
	return fmt.Sprintf(`{"buyer":%q,"items":[%s]%s}`, buyer, strings.Join(list, ","), more)
}

// Whatever the service refuses, its client can read why: every code that comes with
// violations, whatever was sent as a domain or a price.
func TestTheClientReadsEveryRefusal(t *testing.T) {
	t.Parallel()
	inventory := filepath.Join(t.TempDir(), "inventory.json")
	require.NoError(t, os.WriteFile(inventory, []byte(refusalInventory), 0o600))
	service := startProcess(t, t.TempDir(), inventory)
	ctx := context.Background()
	as := func(account string) *client.Client {
		token, known := service.ready.Tokens[account]
		require.True(t, known, account)
		caller, err := client.New(client.Target{NATSURL: service.ready.NATSURL, HTTPURL: service.ready.HTTPURL, Token: token})
		require.NoError(t, err)
		t.Cleanup(caller.Close)
		return caller
	}
	anna, bo, nora, operator := as("anna"), as("bo"), as("nora"), as("operator")
	seen := make(map[string]bool)
	refused := func(caller *client.Client, verb, body string, codes ...string) {
		t.Helper()
		reply, err := caller.Command(ctx, verb, jsontext.Value(body), "")
		var refusal *push.Refusal
		require.ErrorAs(t, err, &refusal, body)
		require.Equal(t, refusal, reply.Error)
		require.NotEmpty(t, refusal.Violations, body)
		var told []string
		for _, violation := range refusal.Violations {
			told = append(told, violation.Code)
			seen[violation.Code] = true
		}
		for _, code := range codes {
			require.Contains(t, told, code, body)
		}
	}
	given := func(caller *client.Client, verb, body string) {
		t.Helper()
		_, err := caller.Command(ctx, verb, jsontext.Value(body), "")
		require.NoError(t, err, body)
	}

	for _, domain := range hostileDomains {
		refused(anna, "offer", offerItems("bo", "", [2]string{domain, "1"}, [2]string{"theirs.com", "1"}), push.CodeInvalidDomain, push.CodeNotOwner)
		refused(anna, "offer", offerItems("bo", "", [2]string{domain, domain}), push.CodeInvalidDomain, push.CodeInvalidPrice)
		refused(anna, "offer", offerItems("bo", "", [2]string{"云帆.中国", domain}), push.CodeInvalidPrice)
		if _, err := domainname.ParseRegistered(domain); err != nil && domain != "" { // what exists can be settled
			refused(operator, "settle", `{"push_id":"p","step":"return","domain":`+quoted(domain)+`,"place":"gone","reason":"r","reference":"r"}`, push.CodeInvalidDomain)
		}
	}
	for _, one := range []struct{ domain, code string }{
		{"theirs.com", push.CodeNotOwner},
		{"nowhere.com", push.CodeNotOwner},
		{"young.cn", push.CodeTooYoung},
		{"expired.com", push.CodeDomainExpired},
		{"locked.com", push.CodeAccountMoveLocked},
		{"site.com", push.CodeProductNotTradable},
		{"pending.com", push.CodePendingOperation},
		{"dispute.com", push.CodePublishingRestricted},
		{"auction.com", push.CodeAlreadyOnSale},
	} {
		refused(anna, "offer", offerItems("bo", "", [2]string{one.domain, "1"}), one.code)
	}
	good := [2]string{"good.com", "1"}
	given(anna, "offer", offerItems("bo", "", [2]string{"taken.com", "1"}))
	refused(anna, "offer", offerItems("bo", "", [2]string{"taken.com", "1"}), push.CodeAlreadyOnSale)
	refused(anna, "offer", offerItems("bo", "", good, [2]string{"GOOD.com.", "1"}), push.CodeDuplicateDomain)
	refused(anna, "offer", offerItems("bo", ""), push.CodeBatchEmpty)
	many := make([][2]string, push.MaxItems+1)
	refused(anna, "offer", offerItems("bo", "", many...), push.CodeBatchTooLarge)
	refused(anna, "offer", offerItems("bo", `,"valid_for":"169h"`, good), push.CodeValidityTooLong)
	refused(anna, "offer", offerItems("bo", `,"expires_at":"2020-01-01T00:00:00Z"`, good), push.CodeInvalidValidity)
	refused(anna, "offer", offerItems("bo", "", [2]string{"good.com", "0.05"}), push.CodeBelowPayoutMinimum)
	refused(anna, "offer", offerItems("bo", "", [2]string{"good.com", "100000000.01"}), push.CodeAbovePayment)
	refused(anna, "offer", offerItems("anna", "", good), push.CodeBuyerIsSeller)
	refused(anna, "offer", offerItems("nobody", "", good), push.CodeBuyerUnknown)
	refused(nora, "offer", offerItems("bo", "", good), push.CodeSellerNotVerified, push.CodeSellerNoAlipay)

	given(anna, "offer", offerItems("bo", `,"push_id":"secret"`, [2]string{"secret.com", "1"}))
	ask(t, service.connect(t, "operator"), "sandbox.registrar.set", `{"domain":"secret.com","auth_code_issued_at":"+1s"}`)
	refused(bo, "accept", `{"push_id":"secret","total":"1"}`, push.CodeAuthCodeIssued)

	for _, code := range []string{
		push.CodeInvalidDomain, push.CodeInvalidPrice, push.CodeNotOwner, push.CodeTooYoung, push.CodeDomainExpired, push.CodeAccountMoveLocked,
		push.CodeProductNotTradable, push.CodePendingOperation, push.CodePublishingRestricted, push.CodeAlreadyOnSale, push.CodeDuplicateDomain,
		push.CodeBatchEmpty, push.CodeBatchTooLarge, push.CodeValidityTooLong, push.CodeInvalidValidity, push.CodeBelowPayoutMinimum,
		push.CodeAbovePayment, push.CodeBuyerIsSeller, push.CodeBuyerUnknown, push.CodeSellerNotVerified, push.CodeSellerNoAlipay, push.CodeAuthCodeIssued,
	} {
		require.True(t, seen[code], code)
	}
}

// A malformed domain is refused on the command line as a rule's refusal.
func TestAMalformedDomainIsRefusedAndNotMisunderstood(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	startProcess(t, data, writeInventory(t, 1))
	for _, domain := range []string{"foo_bar.com", "xn--中国-.cn", "☕.com"} {
		done := runOffer(t, data, "", "--buyer", "bo", domain+"=1")
		require.Equal(t, exitRefused, done.code, done.stderr)
		require.Contains(t, done.stderr, "invalid_domain")
		require.Contains(t, done.stderr, domain)
	}
}
