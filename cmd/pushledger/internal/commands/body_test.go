package commands

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

func read(body string) (push.Offer, error) {
	var read offerBody
	if err := decode([]byte(body), &read); err != nil {
		return push.Offer{}, err
	}
	return read.offer("anna")
}

func refusalOf(t testing.TB, err error) *push.Refusal {
	t.Helper()
	var refusal *push.Refusal
	require.ErrorAs(t, err, &refusal)
	require.NotEmpty(t, refusal.Message)
	require.NotEmpty(t, refusal.MessageZH)
	return refusal
}

func TestAnOfferIsNormalised(t *testing.T) {
	offer, err := read(`{"push_id":"p_1-A","buyer":"bo","remark":"急售","valid_for":"72h","items":[
		{"domain":"ALPHA.com.","price":"1999.00"},{"domain":"例子.中国","price":"0"},{"domain":"beta.cn","price":"0.5"}]}`)
	require.NoError(t, err)
	require.Equal(t, push.Offer{
		PushID: "p_1-A", Seller: "anna", Buyer: "bo", Remark: "急售", ValidFor: 72 * time.Hour,
		Items: []push.Item{{Domain: "alpha.com", Price: 1999_00}, {Domain: "xn--fsqu00a.xn--fiqs8s"}, {Domain: "beta.cn", Price: 50}},
	}, offer)
	offer, err = read(`{"buyer":"bo","expires_at":"2026-11-02T20:00:00+08:00","items":[{"domain":"alpha.com","price":"1"}]}`)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), offer.ExpiresAt)
}

// items is an offer of so many domains.
func items(count int) string {
	list := make([]string, count)
	for i := range list {
		list[i] = fmt.Sprintf(`{"domain":"d%d.com","price":"1"}`, i)
	}
	return `{"buyer":"bo","items":[` + strings.Join(list, ",") + `]}`
}

func TestMalformedOffersAreRefused(t *testing.T) {
	const one = `"items":[{"domain":"alpha.com","price":"1"}]`
	for code, bodies := range map[string][]string{
		push.CodeInvalidJSON: {
			``, ` `, `{`, `null`, `7`, `"offer"`, `[]`, `true`, `{"buyer":"bo",` + one + `}{}`, `{"buyer":"bo",` + one + `} x`,
			`{"buyer":"bo","buyer":"bo",` + one + `}`, `{"buyer":7,` + one + `}`, `{"buyer":"bo","items":{}}`,
			`{"buyer":"bo","items":["alpha.com"]}`, `{'buyer':'bo'}`, "{\"buyer\":\"b\xffo\"," + one + "}",
			`{"buyer":"bo","items":[{"domain":"alpha.com","domain":"beta.com","price":"1"}]}`, `{"buyer":"\ud800",` + one + `}`,
			`{"buyer":"bo",` + one + `,"remark":7}`, `{"buyer":"bo",` + one + `,"valid_for":3600}`,
		},
		push.CodeUnknownField: {
			`{"buyer":"bo",` + one + `,"colour":"red"}`, `{"Buyer":"bo",` + one + `}`,
			`{"buyer":"bo","items":[{"domain":"alpha.com","price":"1","fee":"0"}]}`,
		},
		push.CodeInvalidPushID: {
			`{"push_id":"a.b","buyer":"bo",` + one + `}`, `{"push_id":"*","buyer":"bo",` + one + `}`,
			`{"push_id":" p","buyer":"bo",` + one + `}`, `{"push_id":"` + strings.Repeat("p", 65) + `","buyer":"bo",` + one + `}`,
			`{"push_id":"p\n","buyer":"bo",` + one + `}`,
		},
		push.CodeInvalidAccount: {
			`{` + one + `}`, `{"buyer":"",` + one + `}`, `{"buyer":"b o",` + one + `}`, `{"buyer":"薄",` + one + `}`,
			`{"buyer":"` + strings.Repeat("b", 65) + `",` + one + `}`, `{"buyer":"bo.>",` + one + `}`, `{"buyer":null,` + one + `}`,
		},
		push.CodeTooLarge: {
			`{"buyer":"bo",` + one + `,"remark":"` + strings.Repeat("字", push.MaxText+1) + `"}`,
			`{"buyer":"bo",` + one + strings.Repeat(" ", maxBody) + `}`,
		},
		push.CodeInvalidValidity: {
			`{"buyer":"bo",` + one + `,"valid_for":"soon"}`, `{"buyer":"bo",` + one + `,"valid_for":"0s"}`,
			`{"buyer":"bo",` + one + `,"valid_for":"-1h"}`, `{"buyer":"bo",` + one + `,"valid_for":"9999999999h"}`,
			`{"buyer":"bo",` + one + `,"expires_at":"tomorrow"}`, `{"buyer":"bo",` + one + `,"expires_at":"2026-11-02"}`,
			`{"buyer":"bo",` + one + `,"expires_at":"2026-13-02T12:00:00Z"}`,
			`{"buyer":"bo",` + one + `,"expires_at":"9999-12-31T23:59:59-23:59"}`,
			`{"buyer":"bo",` + one + `,"expires_at":"0000-01-01T00:00:00+23:59"}`,
		},
		push.CodeBatchEmpty:    {`{"buyer":"bo"}`, `{"buyer":"bo","items":[]}`, `{"buyer":"bo","items":null}`},
		push.CodeBatchTooLarge: {items(push.MaxItems + 1)},
		push.CodeDuplicateDomain: {
			`{"buyer":"bo","items":[{"domain":"alpha.com","price":"1"},{"domain":"ALPHA.COM.","price":"2"}]}`,
		},
		push.CodeInvalidDomain: {
			`{"buyer":"bo","items":[{"price":"1"}]}`, `{"buyer":"bo","items":[{"domain":"com","price":"1"}]}`,
			`{"buyer":"bo","items":[{"domain":"www.alpha.com","price":"1"}]}`, `{"buyer":"bo","items":[{"domain":"al pha.com","price":"1"}]}`,
			`{"buyer":"bo","items":[null]}`,
		},
		push.CodeInvalidPrice: {
			`{"buyer":"bo","items":[{"domain":"alpha.com"}]}`, `{"buyer":"bo","items":[{"domain":"alpha.com","price":1}]}`,
			`{"buyer":"bo","items":[{"domain":"alpha.com","price":"-1"}]}`, `{"buyer":"bo","items":[{"domain":"alpha.com","price":"1.001"}]}`,
			`{"buyer":"bo","items":[{"domain":"alpha.com","price":"1,00"}]}`, `{"buyer":"bo","items":[{"domain":"alpha.com","price":""}]}`,
			`{"buyer":"bo","items":[{"domain":"alpha.com","price":null}]}`, `{"buyer":"bo","items":[{"domain":"alpha.com","price":["1"]}]}`,
			`{"buyer":"bo","items":[{"domain":"alpha.com","price":"1e3"}]}`, `{"buyer":"bo","items":[{"domain":"alpha.com","price":"１"}]}`,
		},
		push.CodeAbovePayment: {`{"buyer":"bo","items":[{"domain":"alpha.com","price":"100000000.01"}]}`},
	} {
		for _, body := range bodies {
			_, err := read(body)
			require.Error(t, err, "%.200q", body)
			require.Equal(t, code, refusalOf(t, err).Code, "%.200q", body)
		}
	}
}

// What was wrong is said in both languages, shortened and with nothing in it that could do
// something to a terminal.
func TestARefusalNamesWhatWasWrong(t *testing.T) {
	const one = `"items":[{"domain":"alpha.com","price":"1"}]`
	of := func(price string) string {
		return `{"buyer":"bo","items":[{"domain":"alpha.com","price":` + price + `}]}`
	}
	for body, named := range map[string]string{
		`{"buyer":"bo",` + one + `,"colour":"red"}`:                             `"colour"`,
		`{"buyer":"bo",` + one + `,"\u202ecolour":1}`:                           `"\u202ecolour"`,
		`{"buyer":"bo","items":[{"domain":"alpha.com","price":"1","fee":"0"}]}`: `"items/0/fee"`,
		of(`"1.001"`):            `"1.001"`,
		of(`1.00`):               `1.00`,
		of(`null`):               `null`,
		of(`["1"]`):              `[…]`,
		of(`"\u001b[2J\u202e1"`): `"\x1b[2J\u202e1"`,
		of(`"` + strings.Repeat("9", 100) + `x"`):                           `"` + strings.Repeat("9", 40) + `"…`,
		of(`"100000000.01"`):                                                `"100000000.01"`,
		`{"buyer":"b o",` + one + `}`:                                       `buyer "b o"`,
		`{"push_id":"a.b","buyer":"bo",` + one + `}`:                        `"a.b"`,
		`{"buyer":"bo",` + one + `,"valid_for":"7d"}`:                       `valid_for "7d"`,
		`{"buyer":"bo",` + one + `,"expires_at":"tomorrow"}`:                `expires_at "tomorrow"`,
		`{"buyer":"bo","items":[{"domain":"www.alpha.com","price":"1"}]}`:   `"www.alpha.com"`,
		`{"buyer":"bo","items":[{"domain":"al\u202epha.com","price":"1"}]}`: `"al\u202epha.com"`,
	} {
		_, err := read(body)
		refused := refusalOf(t, err)
		require.Contains(t, refused.Message, "("+named+")", body)
		require.Contains(t, refused.MessageZH, "（"+named+"）", body)
		for _, violation := range refused.Violations {
			require.Contains(t, violation.Message, "("+named+")", body)
		}
	}
	_, err := acceptBody{PushID: "p", Total: jsontext.Value(`"1,00"`)}.accept("bo", 0)
	require.Contains(t, refusalOf(t, err).Message, `(total "1,00")`)
	_, err = taskBody{PushID: "p", Step: "\u202e"}.task()
	require.Contains(t, refusalOf(t, err).Message, `("\u202e")`)
}

func TestBoundsThemselvesAreAllowed(t *testing.T) {
	for name, body := range map[string]string{
		"500 domains":         items(push.MaxItems),
		"the longest remark":  `{"buyer":"bo","items":[{"domain":"a.com","price":"1"}],"remark":"` + strings.Repeat("字", push.MaxText) + `"}`,
		"the longest push id": `{"push_id":"` + strings.Repeat("p", 64) + `","buyer":"bo","items":[{"domain":"a.com","price":"1"}]}`,
		"the largest price":   `{"buyer":"bo","items":[{"domain":"a.com","price":"100000000.00"}]}`,
	} {
		_, err := read(body)
		require.NoError(t, err, name)
	}
}

// Every malformed item is named at once.
func TestEveryMalformedItemIsNamed(t *testing.T) {
	long := strings.Repeat("长", 100)
	_, err := read(`{"buyer":"bo","items":[{"domain":"alpha.com","price":7},{"domain":"` + long + `","price":"1"},{"domain":"beta.com","price":"200000000"}]}`)
	violations := refusalOf(t, err).Violations
	require.Len(t, violations, 3)
	require.Equal(t, push.Violation{
		Domain: "alpha.com", Input: "7", Rule: "T8", Code: push.CodeInvalidPrice,
		Message: violations[0].Message, MessageZH: violations[0].MessageZH,
	}, violations[0])
	require.Equal(t, push.CodeInvalidDomain, violations[1].Code)
	require.Equal(t, strings.Repeat("长", 80)+"…", violations[1].Input, "what is echoed is short")
	require.Equal(t, push.CodeAbovePayment, violations[2].Code)
	require.Equal(t, "beta.com", violations[2].Domain)
}

func TestReasons(t *testing.T) {
	_, err := decodeReason([]byte(`{"push_id":"p-1"}`), false)
	require.NoError(t, err)
	longest := strings.Repeat("字", push.MaxText)
	body, err := decodeReason([]byte(`{"push_id":"p-1","reason":"`+longest+`"}`), true)
	require.NoError(t, err)
	require.Equal(t, reasonBody{PushID: "p-1", Reason: longest}, body)
	for body, code := range map[string]string{
		`{"push_id":"p-1"}`:                               push.CodeReasonRequired,
		`{"push_id":"p-1","reason":""}`:                   push.CodeReasonRequired,
		`{"push_id":"p-1","reason":"` + longest + `x"}`:   push.CodeTooLarge,
		`{"push_id":"p-1","reason":"x","colour":"red"}`:   push.CodeUnknownField,
		`{"push_id":"p-1","reason":["x"]}`:                push.CodeInvalidJSON,
		`{"push_id":"p-1","reason":"x","reason":"again"}`: push.CodeInvalidJSON,
	} {
		_, err := decodeReason([]byte(body), true)
		require.Equal(t, code, refusalOf(t, err).Code, "%.80s", body)
	}
}

func TestTheSameCommandInOtherWordsIsTheSameCommand(t *testing.T) {
	hash := func(account, verb, body string) string {
		command := Command{Account: account, Verb: verb, ID: "0B6A5CB2-6A5C-4E3C-9B7F-1C4B7A0E8D11", Body: []byte(body)}
		metadata, err := identify(&command)
		require.NoError(t, err)
		require.Equal(t, "0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11", metadata.CommandID)
		require.Equal(t, body, string(command.Body), "the body itself is left as it is")
		_, err = hex.DecodeString(metadata.CommandHash)
		require.NoError(t, err)
		return metadata.CommandHash
	}
	same := hash("anna", "decline", `{"push_id":"p-1","reason":"x"}`)
	require.Equal(t, same, hash("anna", "decline", ` { "reason" : "\u0078", "push_id":"p-1" }`))
	for _, other := range []string{
		hash("bo", "decline", `{"push_id":"p-1","reason":"x"}`),
		hash("anna", "withdraw", `{"push_id":"p-1","reason":"x"}`),
		hash("anna", "decline", `{"push_id":"p-1","reason":"y"}`),
		hash("anna", "decline", `{"push_id":"p-1"}`),
	} {
		require.NotEqual(t, same, other)
	}
}

func TestCommandsThatCannotBeIdentified(t *testing.T) {
	for code, command := range map[string]Command{
		push.CodeInvalidCommandID: {Account: "anna", ID: "7", Body: []byte(`{}`)},
		push.CodeInvalidAccount:   {Account: "an.na", Body: []byte(`{}`)},
		push.CodeTooLarge:         {Account: "anna", Body: make([]byte, maxBody+1)},
		push.CodeInvalidJSON:      {Account: "anna", Body: []byte(`{"a":1,"a":2}`)},
	} {
		_, err := identify(&command)
		require.Equal(t, code, refusalOf(t, err).Code)
	}
	for _, id := range []string{"{0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11}", "urn:uuid:0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11", "0b6a5cb26a5c4e3c9b7f1c4b7a0e8d11"} {
		command := Command{Account: "anna", ID: id, Body: []byte(`{}`)}
		_, err := identify(&command)
		require.Equal(t, push.CodeInvalidCommandID, refusalOf(t, err).Code, "one id has one form")
	}
	without := Command{Account: "anna", Body: []byte(`{}`)}
	metadata, err := identify(&without)
	require.NoError(t, err)
	require.Len(t, metadata.CommandID, 36, "the server makes one")
	require.Equal(t, metadata.CommandID, without.ID)
}

// Whatever comes in, what gets past the door is well formed, and what does not is
// refused with a code that says why.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		var read offerBody
		err := decode(body, &read)
		offer := push.Offer{}
		if err == nil {
			offer, err = read.offer("anna")
		}
		if err != nil {
			refusal := refusalOf(t, err)
			for _, violation := range refusal.Violations {
				require.True(t, utf8.ValidString(violation.Input))
				require.LessOrEqual(t, utf8.RuneCountInString(violation.Input), 81)
			}
			return
		}
		require.True(t, offer.PushID == "" || idPattern.MatchString(offer.PushID))
		require.Regexp(t, idPattern, offer.Buyer)
		require.LessOrEqual(t, utf8.RuneCountInString(offer.Remark), push.MaxText)
		require.True(t, utf8.ValidString(offer.Remark))
		require.GreaterOrEqual(t, offer.ValidFor, time.Duration(0))
		require.Empty(t, push.CheckItems(offer.Items))
		for _, item := range offer.Items {
			again, err := domainname.Parse(string(item.Domain))
			require.NoError(t, err)
			require.Equal(t, item.Domain, again)
			price, err := money.Parse(item.Price.String())
			require.NoError(t, err)
			require.Equal(t, item.Price, price)
		}
		_, err = offer.ExpiresAt.MarshalJSON()
		require.NoError(t, err, "it can be stored")
	})
}
