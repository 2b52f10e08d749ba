package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// injections are texts that would be more than a name if they reached a subject, a header,
// a path or a question to the database.
var injections = map[string]string{
	"two tokens": "a.b", "any token": "*", "all tokens": ">", "a blank": "a b", "a tab": "a\tb", "a new line": "a\r\nActor: bo", "a null": "a\x00b",
	"a path": "../../etc/passwd", "a quote": "a' OR 1=1 --", "percent": "a%2eb", "too long": strings.Repeat("a", 65), "not ASCII": "а", "a comma": "a,b",
}

func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// Nothing hostile gets past either door, nothing gets an account more than its own, and the
// same connection is served afterwards.
func TestHostileInput(t *testing.T) {
	service := startProcess(t, t.TempDir(), writeInventory(t, 4))
	seller, buyer, operator := service.connect(t, "anna"), service.connect(t, "bo"), service.connect(t, "operator")
	offer := func(id, domain string) string {
		return fmt.Sprintf(`{"push_id":%q,"buyer":"bo","items":[{"domain":%q,"price":"1.00"}]}`, id, domain)
	}
	t.Run("fields", func(t *testing.T) {
		for name, text := range injections {
			for what, hostile := range map[string]struct {
				conn             *nats.Conn
				verb, body, code string
			}{
				"push id of an offer":  {seller, "anna.offer", `{"push_id":%s,"buyer":"bo","items":[{"domain":"d0.com","price":"1.00"}]}`, "invalid_push_id"},
				"push id":              {seller, "anna.withdraw", `{"push_id":%s}`, "invalid_push_id"},
				"push id of an accept": {buyer, "bo.accept", `{"push_id":%s,"total":"1.00"}`, "invalid_push_id"},
				"buyer":                {seller, "anna.offer", `{"buyer":%s,"items":[{"domain":"d0.com","price":"1.00"}]}`, "invalid_account"},
				"domain":               {seller, "anna.offer", `{"buyer":"bo","items":[{"domain":%s,"price":"1.00"}]}`, "invalid_domain"},
				"price":                {seller, "anna.offer", `{"buyer":"bo","items":[{"domain":"d0.com","price":%s}]}`, "invalid_price"},
				"total":                {buyer, "bo.accept", `{"push_id":"p","total":%s}`, "invalid_price"},
				"valid for":            {seller, "anna.offer", `{"buyer":"bo","items":[{"domain":"d0.com","price":"1.00"}],"valid_for":%s}`, "invalid_validity"},
				"expires at":           {seller, "anna.offer", `{"buyer":"bo","items":[{"domain":"d0.com","price":"1.00"}],"expires_at":%s}`, "invalid_validity"},
				"step":                 {operator, "operator.retry", `{"push_id":"p","step":%s,"reason":"x"}`, "invalid_step"},
				"request number":       {operator, "operator.retry", `{"push_id":"p","step":"refund","request_no":%s,"reason":"x"}`, "invalid_step"},
			} {
				if name == "too long" && strings.HasPrefix(what, "request") || name == "not ASCII" && what == "domain" {
					continue // which it may be
				}
				reply := ask(t, hostile.conn, "push.cmd."+hostile.verb, fmt.Sprintf(hostile.body, quoted(text)))
				require.Equal(t, hostile.code, reply.Error.Code, "%s: %s", what, name)
			}
		}
	})
	t.Run("documents", func(t *testing.T) {
		whole := offer("p", "d0.com")
		for name, bad := range map[string]struct{ body, code string }{
			"a byte order mark":   {"\ufeff" + whole, "invalid_json"},
			"a null behind it":    {whole + "\x00", "invalid_json"},
			"a null inside":       {strings.Replace(whole, "bo", "b\x00o", 1), "invalid_json"},
			"another case":        {strings.Replace(whole, "buyer", "Buyer", 1), "unknown_field"},
			"a doubled member":    {strings.Replace(whole, `"buyer"`, `"buyer":"eve","buyer"`, 1), "invalid_json"},
			"one doubled deep in": {strings.Replace(whole, `"price"`, `"price":"2.00","price"`, 1), "invalid_json"},
			"bad UTF-8":           {strings.Replace(whole, "bo", "b\xc3\x28", 1), "invalid_json"},
			"half a surrogate":    {strings.Replace(whole, "bo", `\ud800`, 1), "invalid_json"},
			"10,000 lists":        {strings.Replace(whole, `"1.00"`, strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000), 1), "invalid_json"},
			"10,000 objects":      {strings.Repeat(`{"buyer":`, 10_000), "invalid_json"},
			"a huge exponent":     {strings.Replace(whole, `"1.00"`, "1e999", 1), "invalid_price"},
			"400 digits":          {strings.Replace(whole, `"1.00"`, strings.Repeat("9", 400), 1), "invalid_price"},
			"400 digits as text":  {strings.Replace(whole, "1.00", strings.Repeat("9", 400), 1), "above_payment_maximum"},
			"a second document":   {whole + whole, "invalid_json"},
			"a comment":           {"/* */" + whole, "invalid_json"},
			"the year 10000":      {strings.Replace(whole, `"buyer"`, `"expires_at":"9999-12-31T23:59:59-23:59","buyer"`, 1), "invalid_validity"},
			"before all years":    {strings.Replace(whole, `"buyer"`, `"expires_at":"0000-01-01T00:00:00+23:59","buyer"`, 1), "invalid_validity"},
		} {
			require.Equal(t, bad.code, ask(t, seller, "push.cmd.anna.offer", bad.body).Error.Code, name)
		}
	})
	t.Run("headers", func(t *testing.T) {
		message := nats.NewMsg("push.cmd.anna.offer")
		message.Data = []byte(offer("headers", "d1.com"))
		for _, name := range []string{"Actor", "Event-Type", "Append-More", "Command-Hash", "Origin", "Nats-Msg-Id", "Stored-At", "Nats-Request-Info"} {
			message.Header.Set(name, "bo")
		}
		message.Header.Set("traceparent", "00-\r\nActor: bo")
		message.Header.Set("Command-Id", uuid.NewString())
		answer, err := seller.RequestMsg(message, readyPatience)
		require.NoError(t, err)
		var offered outsideReply
		require.NoError(t, json.Unmarshal(answer.Data, &offered))
		require.True(t, offered.OK, string(answer.Data))
		told := service.timeline(t, "anna", "headers", offered.Seq)
		require.Equal(t, "anna", told[0].Actor)
		require.Equal(t, "Offered", told[0].Type)
	})
	t.Run("words", func(t *testing.T) {
		require.True(t, ask(t, seller, "push.cmd.anna.offer", offer("words", "d2.com")).OK)
		reason := "too dear\r\nActor: anna\r\n\r\nPUB push.evt.push.words 0\r\n\x1b[2J ' OR 1=1"
		declined := ask(t, buyer, "push.cmd.bo.decline", `{"push_id":"words","reason":`+quoted(reason)+`}`)
		require.True(t, declined.OK)
		told := service.timeline(t, "bo", "words", declined.Seq)
		require.Len(t, told, 2)
		require.Equal(t, "bo", told[1].Actor)
		require.Equal(t, reason, told[1].Body.Reason, "words are kept as they are")
	})
	t.Run("from where", func(t *testing.T) {
		taken := ask(t, operator, "push.cmd.operator.takedown", `{"push_id":"headers","reason":"court order 17"}`)
		require.True(t, taken.OK)
		told := service.timeline(t, "operator", "headers", taken.Seq)
		require.Equal(t, "operator", told[1].Actor)
		require.Equal(t, "court order 17", told[1].Body.Cause.Reason)
		require.Equal(t, operator.LocalAddr(), told[1].Origin, "who, why and from where")
		require.Empty(t, told[0].Origin)
		require.Empty(t, service.timeline(t, "anna", "headers", taken.Seq)[1].Origin, "which is nothing for traders")
	})
	t.Run("paths", func(t *testing.T) { hostilePaths(t, &service.doors) })
	t.Run("notifications", func(t *testing.T) { hostileNotifications(t, &service.doors) })

	for account, conn := range map[string]*nats.Conn{"anna": seller, "bo": buyer, "operator": operator} {
		require.True(t, conn.IsConnected(), account)
		require.Zero(t, conn.Stats().Reconnects, account)
	}
	require.True(t, ask(t, seller, "push.cmd.anna.offer", offer("honest", "d3.com")).OK)
	service.eventually(t, "bo", "honest", "Offered")
}

type toldEvent struct {
	Type, Actor, Origin string
	Body                struct {
		Reason string
		Cause  struct{ Reason string }
	}
}

// timeline asks for the events of a push, as far as a command's answer says at least.
func (d *doors) timeline(t testing.TB, account, id string, seq uint64) []toldEvent {
	t.Helper()
	var told struct {
		Events []toldEvent
	}
	code, err := d.raw(account, http.MethodGet, "/v1/pushes/"+id+"/timeline", http.Header{"Min-Seq": {strconv.FormatUint(seq, 10)}, "Min-Seq-Timeout": {"30s"}}, func(body []byte) error {
		return json.Unmarshal(body, &told, json.MatchCaseInsensitiveNames(true))
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	return told.Events
}

// raw sends a request as it is and reads what comes back.
func (d *doors) raw(account, method, path string, header http.Header, read func([]byte) error) (int, error) {
	request, err := http.NewRequest(method, d.ready.HTTPURL, http.NoBody)
	if err != nil {
		return 0, err
	}
	at, query, _ := strings.Cut(path, "?")
	request.URL.Opaque, request.URL.RawQuery = "//"+request.URL.Host+at, query // not made any nicer
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Authorization", "Bearer "+d.ready.Tokens[account])
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, err
	}
	return response.StatusCode, read(body)
}

func hostilePaths(t *testing.T, service *doors) {
	t.Helper()
	digits := strings.Repeat("9", 400)
	paths := []string{
		"/v1/pushes?status=Offered&status=Paid", "/v1/pushes?limit=1&limit=2", "/v1/pushes?limit=1e999", "/v1/pushes?limit=" + digits,
		"/v1/pushes?status=offered", "/v1/pushes?unknown=1", "/v1/pushes?from=9999", "/v1/pushes?cursor=" + digits, "/v1/pushes?cursor=MS5w%0a",
		"/v1/pushes?domain=%00", "/v1/pushes?account=bo", "/v1/pushes?status=%zz", "/v1/pushes/honest?as_of=" + digits, "/v1/domains/*.com",
		"/v1/domains/%3e", "/v1/domains/" + digits + ".com", "/v1/events?after=" + digits, "/v1/accounts/bo/statement", "/v1/journal",
		"/v1/accounts/anna/statement?from=" + digits, "/v1/nothing", "/v1/projections",
	}
	for _, text := range injections {
		paths = append(paths, "/v1/pushes/"+url.PathEscape(text), "/v1/pushes/"+url.PathEscape(text)+"/timeline", "/v1/accounts/"+url.PathEscape(text)+"/statement")
	}
	for _, path := range paths {
		code, err := service.raw("anna", http.MethodGet, path, nil, func(body []byte) error {
			var problem struct{ Code string }
			if err := json.Unmarshal(body, &problem, json.MatchCaseInsensitiveNames(true)); err != nil || problem.Code == "" {
				return fmt.Errorf("no problem document: %.200s: %w", body, err)
			}
			return nil
		})
		require.NoError(t, err, path)
		require.True(t, code >= 400 && code < 500, "%s: %d", path, code)
	}
	for _, header := range []http.Header{
		{"Min-Seq": {digits}},
		{"Min-Seq": {"-1"}},
		{"Min-Seq": {"1", "2"}},
		{"Min-Seq": {"1"}, "Min-Seq-Timeout": {"9999h"}},
		{"X-Long": {strings.Repeat("x", 64<<10)}},
	} {
		code, err := service.raw("anna", http.MethodGet, "/v1/pushes", header, func([]byte) error { return nil })
		require.NoError(t, err)
		require.True(t, code >= 400 && code < 500, "%.80v: %d", header, code)
	}
}

// Alipay's notifications come from anywhere: there is no token at that path, only the
// signature. What is wrong with one is said before anybody is called about it.
func hostileNotifications(t *testing.T, service *doors) {
	t.Helper()
	const form = "application/x-www-form-urlencoded"
	whole := url.Values{
		"app_id": {"2021"}, "seller_id": {"2088"}, "out_trade_no": {"T1"}, "trade_no": {"1"}, "trade_status": {"TRADE_SUCCESS"},
		"total_amount": {"1.00"}, "sign_type": {"RSA2"}, "sign": {"AAAA"},
	}
	changed := func(name string, values ...string) string {
		other := url.Values{}
		for key, value := range whole {
			other[key] = value
		}
		other[name] = values
		return other.Encode()
	}
	for name, sent := range map[string]struct{ kind, body string }{
		"a stranger's":        {form, whole.Encode()},
		"as JSON":             {"application/json", `{"sign":"AAAA"}`},
		"without a type":      {"", whole.Encode()},
		"as parts":            {"multipart/form-data; boundary=x", "--x--"},
		"nothing":             {form, ""},
		"a doubled field":     {form, changed("total_amount", "1.00", "9.00")},
		"an unknown serial":   {form, changed("alipay_cert_sn", "0123456789abcdef")},
		"another signature":   {form, changed("sign_type", "RSA")},
		"no signature":        {form, changed("sign", "")},
		"too much":            {form, "x=" + strings.Repeat("a", 128<<10)},
		"ten thousand fields": {form, strings.Repeat("a&", 10_000)},
		"bad escapes":         {form, "a=%zz"},
	} {
		response, err := http.Post(service.ready.HTTPURL+"/alipay/notify", sent.kind, strings.NewReader(sent.body))
		require.NoError(t, err, name)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err, name)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusBadRequest, response.StatusCode, name)
		require.NotContains(t, string(body), "success", name)
	}
	code, err := service.raw("anna", http.MethodGet, "/alipay/notify", nil, func([]byte) error { return nil })
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, code, "notifications are posted")
}
