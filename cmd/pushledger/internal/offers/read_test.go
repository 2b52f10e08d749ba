package offers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/offers"
)

var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

func readTable(t testing.TB, text string, defaults offers.Defaults) []offers.Offer {
	t.Helper()
	list, _, err := offers.Read([]byte(text), offers.Table, defaults)
	require.NoError(t, err)
	return list
}

// gbk is a text as a Chinese Excel saves it as CSV.
func gbk(t testing.TB, text string) string {
	t.Helper()
	encoded, err := simplifiedchinese.GBK.NewEncoder().String(text)
	require.NoError(t, err)
	return encoded
}

// badRows are the bad rows of a file as "line code".
func badRows(t testing.TB, text string, format offers.Format) []string {
	t.Helper()
	list, _, err := offers.Read([]byte(text), format, offers.Defaults{Zone: beijing})
	var rows *offers.BadRows
	require.ErrorAs(t, err, &rows, "%q gave %v", text, list)
	var named []string
	for _, row := range rows.Rows {
		require.NotEmpty(t, row.Reason)
		require.Contains(t, err.Error(), fmt.Sprintf("line %d: %s", row.Line, row.Code))
		named = append(named, fmt.Sprintf("%d %s", row.Line, row.Code))
	}
	return named
}

func TestAFileOfOffersFromASpreadsheet(t *testing.T) {
	list := readTable(t, "\ufeffpush_id,buyer,domain,price\r\np-1,bo,a.com,1.00\r\np-1,bo,B.com,2\r\n,bo,c.com,3\r\n,bo,d.com,4\r\n", offers.Defaults{})
	require.Equal(t, []offers.Offer{
		{Body: offers.Body{PushID: "p-1", Buyer: "bo", Items: []offers.Item{{"a.com", 1_00}, {"b.com", 2_00}}}, Rows: []int{2, 3}},
		{Body: offers.Body{Buyer: "bo", Items: []offers.Item{{"c.com", 3_00}}}, Rows: []int{4}},
		{Body: offers.Body{Buyer: "bo", Items: []offers.Item{{"d.com", 4_00}}}, Rows: []int{5}},
	}, list)
}

// The same table in whatever way a spreadsheet saves it is the same offers.
func TestATableIsReadInEveryFormThatSpreadsheetsSave(t *testing.T) {
	const chinese = "域名,价格（元）,买家,备注,有效期\n云帆.中国,8800.00,bo,急售,3天\n例子.cn,1,bo,,\n"
	want := []offers.Offer{
		{Body: offers.Body{Buyer: "bo", Items: []offers.Item{{"xn--2fr792a.xn--fiqs8s", 8800_00}}, ValidFor: "72h0m0s", Remark: "急售"}, Rows: []int{2}},
		{Body: offers.Body{Buyer: "bo", Items: []offers.Item{{"xn--fsqu00a.cn", 1_00}}}, Rows: []int{3}},
	}
	want[0].Items[0].Domain = readTable(t, "domain,price,buyer\n云帆.中国,1,bo\n", offers.Defaults{})[0].Items[0].Domain
	for name, text := range map[string]string{
		"UTF-8":              chinese,
		"UTF-8 with mark":    "\ufeff" + chinese,
		"GBK":                gbk(t, chinese),
		"CRLF":               strings.ReplaceAll(chinese, "\n", "\r\n"),
		"GBK with CRLF":      gbk(t, strings.ReplaceAll(chinese, "\n", "\r\n")),
		"CR":                 strings.ReplaceAll(chinese, "\n", "\r"),
		"semicolons":         strings.ReplaceAll(chinese, ",", ";"),
		"tabs":               strings.ReplaceAll(chinese, ",", "\t"),
		"no last line end":   strings.TrimSuffix(chinese, "\n"),
		"other names":        strings.Replace(chinese, "域名,价格（元）,买家,备注,有效期", " Domain ,金额(CNY),买家账号,Remark,VALID FOR", 1),
		"quotes":             strings.ReplaceAll(chinese, "急售", `"急售"`),
		"blanks":             strings.ReplaceAll(chinese, ",", "\u3000, "),
		"blank rows at last": chinese + ",,,,\n\n  ,\n",
		"short rows":         strings.ReplaceAll(chinese, ",bo,,\n", ",bo\n"),
		"wide dots":          strings.ReplaceAll(chinese, "帆.中国", "帆。中国"),
	} {
		require.Equal(t, want, readTable(t, text, offers.Defaults{}), name)
	}
	blank := strings.Replace(chinese, "例子", ",,,,\n\n例子", 1)
	require.Equal(t, []int{5}, readTable(t, blank, offers.Defaults{})[1].Rows, "blank rows are lines")
}

func TestColumnsThatMeanNothingAreNamed(t *testing.T) {
	_, unused, err := offers.Read([]byte("序号,域名,价格,买家,注册商\n1,a.com,1,bo,x\n"), offers.Table, offers.Defaults{})
	require.NoError(t, err)
	require.Equal(t, []string{"序号", "注册商"}, unused)
}

func TestDefaultsAreForRowsWithoutTheirOwn(t *testing.T) {
	text := "domain,price,buyer,remark,valid_for\na.com,1,bo,mine,24h\nb.com,1,,,\n"
	list := readTable(t, text, offers.Defaults{Buyer: "carl", Remark: "all", ValidFor: "7d"})
	require.Equal(t, [3]string{"bo", "mine", "24h0m0s"}, [3]string{list[0].Buyer, list[0].Remark, list[0].ValidFor})
	require.Equal(t, [3]string{"carl", "all", "168h0m0s"}, [3]string{list[1].Buyer, list[1].Remark, list[1].ValidFor})

	lines := `{"buyer":"bo","items":[{"domain":"a.com","price":"1"}],"remark":"mine","expires_at":"2026-12-01T00:00:00Z"}` + "\n" +
		`{"items":[{"domain":"b.com","price":"1"}]}`
	list, _, err := offers.Read([]byte(lines), offers.Lines, offers.Defaults{Buyer: "carl", Remark: "all", ValidFor: "7d"})
	require.NoError(t, err)
	require.Equal(t, [3]string{"bo", "mine", ""}, [3]string{list[0].Buyer, list[0].Remark, list[0].ValidFor})
	require.Equal(t, [3]string{"carl", "all", "168h0m0s"}, [3]string{list[1].Buyer, list[1].Remark, list[1].ValidFor})
}

func TestRowsOfOnePushSayCommonThingsOnce(t *testing.T) {
	list := readTable(t, "push_id,buyer,domain,price,remark,valid_for\np,bo,a.com,1,hi,1h\n,bo,b.com,1,,\np,,c.com,2,,\n", offers.Defaults{Remark: "other"})
	require.Equal(t, []int{2, 4}, list[0].Rows)
	require.Equal(t, "hi", list[0].Remark)
	require.Equal(t, "other", list[1].Remark)
}

func TestValidityAsPeopleWriteIt(t *testing.T) {
	day := time.Date(2026, 12, 1, 16, 0, 0, 0, time.UTC) // the end of 1 December's 2nd in Beijing
	for text, want := range map[string]offers.Body{
		"72h": {ValidFor: "72h0m0s"}, "1h30m": {ValidFor: "1h30m0s"}, "7d": {ValidFor: "168h0m0s"}, "3 Days": {ValidFor: "72h0m0s"},
		"7天": {ValidFor: "168h0m0s"}, "5日": {ValidFor: "120h0m0s"}, "12小时": {ValidFor: "12h0m0s"},
		"2026-12-01": {ExpiresAt: day}, "2026/12/1": {ExpiresAt: day}, "2026年12月1日": {ExpiresAt: day},
		"2026-12-02 00:00": {ExpiresAt: day}, "2026/12/2 0:00": {ExpiresAt: day}, "2026-12-01T16:00:00Z": {ExpiresAt: day},
	} {
		list := readTable(t, "domain,price,buyer,有效期\na.com,1,bo,"+text+"\n", offers.Defaults{Zone: beijing})
		require.Equal(t, want.ValidFor, list[0].ValidFor, text)
		require.Equal(t, want.ExpiresAt, list[0].ExpiresAt, text)
	}
}

// Every kind of bad row is found by its line, whatever else the file holds, and so is the
// next one.
func TestEveryKindOfBadRowIsNamedByItsLine(t *testing.T) {
	const head, good = "push_id,buyer,domain,price,remark,valid_for,expires_at\n", ",bo,good%d.com,1.00,,,\n"
	for name, kind := range map[string]struct {
		row  string
		want string
	}{
		"no domain":           {",bo,,1.00,,,", "missing"},
		"no price":            {",bo,bad.com,,,,", "missing"},
		"no buyer":            {",,bad.com,1.00,,,", "missing"},
		"a malformed domain":  {",bo,foo_bar.com,1.00,,,", "invalid_domain"},
		"a subdomain":         {",bo,www.bad.com,1.00,,,", "invalid_domain"},
		"mixed punycode":      {",bo,xn--中国-.cn,1.00,,,", "invalid_domain"},
		"a symbol":            {",bo,☕.com,1.00,,,", "invalid_domain"},
		"a price in words":    {",bo,bad.com,面议,,,", "invalid_price"},
		"three decimals":      {",bo,bad.com,1.001,,,", "invalid_price"},
		"a negative price":    {",bo,bad.com,-1,,,", "invalid_price"},
		"separated thousands": {`,bo,bad.com,"1,000.00",,,`, "invalid_price"},
		"a currency sign":     {",bo,bad.com,¥100,,,", "invalid_price"},
		"too high a price":    {",bo,bad.com,100000000.01,,,", "above_payment_maximum"},
		"a buyer with a dot":  {",b.o,bad.com,1.00,,,", "invalid_account"},
		"a bad push id":       {"a b,bo,bad.com,1.00,,,", "invalid_push_id"},
		"a long remark":       {",bo,bad.com,1.00," + strings.Repeat("长", 201) + ",,", "too_large"},
		"a cell of two lines": {",bo,bad.com,1.00,\"two\nlines\",,", "unreadable"},
		"validity in words":   {",bo,bad.com,1.00,,soon,", "invalid_validity"},
		"no validity":         {",bo,bad.com,1.00,,0h,", "invalid_validity"},
		"an end in words":     {",bo,bad.com,1.00,,,soon", "invalid_validity"},
		"validity and end":    {",bo,bad.com,1.00,,1h,2026-12-01", "invalid_validity"},
		"too many cells":      {",bo,bad.com,1.00,,,,more", "unreadable"},
		"a quote in a cell":   {`,bo,ba"d.com,1.00,,,`, "unreadable"},
		"an open quote":       {`,bo,bad.com,1.00,"open,,`, "unreadable"},
		"other UTF-8":         {",bo,例子.com,1.00,\xc4,,", "unreadable"},
	} {
		text := head + fmt.Sprintf(good, 1) + ",,,,,,\n" + kind.row + "\n" + fmt.Sprintf(good, 2)
		found := badRows(t, text, offers.Table)
		require.Contains(t, found, "4 "+kind.want, name)
		if strings.Contains("a quote in a cell, an open quote, other UTF-8", name) {
			continue // nothing below can be read
		}
		require.Len(t, found, 1, name)
		require.Contains(t, badRows(t, text+kind.row+"\n", offers.Table), fmt.Sprintf("%d %s", 6+strings.Count(kind.row, "\n"), kind.want), "%s: twice", name)
	}
}

func TestWhatIsNoTableIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "1 unreadable",
		"\n\n":                             "1 unreadable",
		"domain,price\n":                   "1 unreadable",
		"domain,remark\na.com,x\n":         "1 unreadable",
		"域名,金额,价格\na.com,1,1\n":            "1 unreadable",
		"a.com,1,bo\n":                     "1 unreadable",
		"\xff\xfed\x00o\x00":               "1 unreadable",
		"\ufeffdomain,price\na.com,\xc4\n": "2 unreadable",
		"域名,价格\na.com,1\n" + "\xd3\xf2\n":   "3 unreadable",
		"domain,price\na.com,1\ncaf\xe9,\n": "3 unreadable",
		"\x00":                              "1 unreadable",
	} {
		require.Contains(t, badRows(t, text, offers.Table), want, "%q", text)
	}
}

func TestRowsOfOnePushAgree(t *testing.T) {
	const head = "push_id,buyer,domain,price,remark\n"
	require.Equal(t, []string{"4 contrary"}, badRows(t, head+"p,bo,a.com,1,\n,bo,c.com,1,\np,al,b.com,1,\n", offers.Table))
	require.Equal(t, []string{"3 contrary"}, badRows(t, head+"p,bo,a.com,1,x\np,bo,b.com,1,y\n", offers.Table))
	require.Equal(t, []string{"4 duplicate_domain"}, badRows(t, head+"p,bo,a.com,1,\n,bo,a.com,1,\np,bo,A.com.,1,\n", offers.Table))
	require.Equal(t, []string{"1 duplicate_domain"}, badRows(t,
		`{"buyer":"bo","items":[{"domain":"a.com","price":"1"},{"domain":"A.COM","price":"2"}]}`, offers.Lines))
	var many strings.Builder
	for i := range push.MaxItems + 1 {
		fmt.Fprintf(&many, "p,bo,d%d.com,1,\n", i)
	}
	require.Equal(t, []string{"2 batch_too_large"}, badRows(t, head+many.String(), offers.Table))
}

// Lines of JSON are named as they are counted in the file.
func TestEveryBadLineOfJSONIsNamed(t *testing.T) {
	const good = `{"buyer":"bo","items":[{"domain":"a.com","price":"1"}]}`
	for line, want := range map[string]string{
		`{`:                      "invalid_json",
		`null`:                   "invalid_json",
		`[]`:                     "invalid_json",
		`{} {}`:                  "invalid_json",
		`{"buyer":1,"items":[]}`: "invalid_json",
		`{"buyer":"bo","buyer":"al","items":[{"domain":"a.com","price":"1"}]}`:  "invalid_json",
		`{"buyer":"bo","seller":"me","items":[{"domain":"a.com","price":"1"}]}`: "unknown_field",
		`{"buyer":"bo","items":[]}`:                                                  "batch_empty",
		`{"items":[{"domain":"a.com","price":"1"}]}`:                                 "missing",
		`{"buyer":"bo","items":[{"price":"1"}]}`:                                     "missing",
		`{"buyer":"bo","items":[{"domain":"a.com"}]}`:                                "missing",
		`{"buyer":"bo","items":[{"domain":"a_b.com","price":"1"}]}`:                  "invalid_domain",
		`{"buyer":"bo","items":[{"domain":"a.com","price":1}]}`:                      "invalid_price",
		`{"buyer":"bo","items":[{"domain":"a.com","price":null}]}`:                   "invalid_price",
		`{"buyer":"bo","items":[{"domain":"a.com","price":"1"}],"valid_for":"soon"}`: "invalid_validity",
		`{"buyer":"bo","items":[{"domain":"a.com","price":"1"}],"push_id":"a b"}`:    "invalid_push_id",
		`{"buyer":"bo","items":[{"domain":"a.com","price":"1"}],"push_id":"p-1"}` + "\n" + `{"push_id":"p-1","buyer":"bo","items":[{"domain":"b.com","price":"1"}]}`: "push_exists",
	} {
		want = fmt.Sprintf("%d %s", 4+strings.Count(line, "\n"), want)
		require.Equal(t, []string{want}, badRows(t, good+"\n\n \n"+line+"\n"+good+"\n", offers.Lines), line)
	}
	require.Equal(t, []string{"1 unreadable"}, badRows(t, "\n", offers.Lines))
}

func TestTheFormatOfWhatComesFromAPipe(t *testing.T) {
	require.Equal(t, offers.Lines, offers.FormatOf([]byte(" \n{\"buyer\":1}")))
	require.Equal(t, offers.Lines, offers.FormatOf([]byte("\ufeff{}")))
	require.Equal(t, offers.Table, offers.FormatOf([]byte("\ufeff域名,价格")))
	require.Equal(t, offers.Table, offers.FormatOf(nil))
}

// An id follows from account, batch and content, and from nothing else: not from the place
// in the file, the spelling, the form or the encoding.
func TestCommandIDsFollowFromWhatIsOffered(t *testing.T) {
	ids := func(account, batch, text string, format offers.Format) []string {
		list, _, err := offers.Read([]byte(text), format, offers.Defaults{Zone: beijing})
		require.NoError(t, err)
		ids, err := offers.CommandIDs(account, batch, list)
		require.NoError(t, err)
		return ids
	}
	whole := ids("anna", "monday", "domain,price,buyer\na.com,1,bo\n例子.cn,2,bo\n", offers.Table)
	require.NotEqual(t, whole[0], whole[1])
	for name, again := range map[string][]string{
		"mended": ids("anna", "monday", "买家,价格,域名\nbo,3,c.com\nbo,1.00,A.COM.\n\nbo,2.0,xn--fsqu00a.cn\n", offers.Table)[1:],
		"GBK":    ids("anna", "monday", gbk(t, "domain,price,buyer\na.com,1,bo\n例子.cn,2,bo\n"), offers.Table),
		"JSON": ids("anna", "monday", `{"buyer":"bo","items":[{"domain":"a.com","price":"1"}]}`+"\n"+
			`{"items":[{"price":"2.00","domain":"例子.cn"}],"buyer":"bo"}`, offers.Lines),
	} {
		require.Equal(t, whole, again, name)
	}
	for name, other := range map[string][]string{
		"account": ids("carl", "monday", "domain,price,buyer\na.com,1,bo\n", offers.Table),
		"batch":   ids("anna", "tuesday", "domain,price,buyer\na.com,1,bo\n", offers.Table),
		"price":   ids("anna", "monday", "domain,price,buyer\na.com,2,bo\n", offers.Table),
		"buyer":   ids("anna", "monday", "domain,price,buyer\na.com,1,al\n", offers.Table),
		"remark":  ids("anna", "monday", "domain,price,buyer,remark\na.com,1,bo,x\n", offers.Table),
	} {
		require.NotEqual(t, whole[0], other[0], name)
	}
	twins := ids("anna", "monday", "domain,price,buyer\na.com,1,bo\na.com,1,bo\n", offers.Table)
	require.Equal(t, whole[0], twins[0])
	require.NotEqual(t, twins[0], twins[1], "the second of two equal rows is a command of its own")
}

// FuzzReadTable holds that every row of a table is a domain of one offer, and none is lost.
func FuzzReadTable(f *testing.F) {
	const head = "push_id,buyer,domain,price\n"
	for _, text := range []string{
		head, head + "p,bo,a.com,1\np,bo,b.com,2\n", head + "p,bo,a.com,1\np,al,b.com,2\n", head + ",bo,a.com,1\n,al,b.com,2\n",
		"\ufeff" + head + "p,bo,\"a,com\",1\n", head + "p,bo\n", head + "p,bo,\"a\n.com\",1e999\n", "domain,price\n", "", "\x00",
		"域名;金额;买家;有效期\n例子.中国;1;bo;7天\n", "\xd3\xf2\xc3\xfb,\xbc\xdb\xb8\xf1,buyer\na.com,1,bo\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { requireWhole(t, text, offers.Table) })
}

// FuzzReadLines holds the same of lines of JSON.
func FuzzReadLines(f *testing.F) {
	for _, text := range []string{
		"{}\n\n{\"buyer\":\"bo\"}", "{} {}", "{", "\ufeff{}", "null", "{\"a\":1,\"a\":2}", "{\"x\":" + strings.Repeat("[", 10_000), "\x00\n",
		`{"buyer":"bo","items":[{"domain":"a.com","price":"1"},{"domain":"b.com","price":"2"}],"push_id":"p"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { requireWhole(t, text, offers.Lines) })
}

func requireWhole(t *testing.T, text string, format offers.Format) {
	list, _, err := offers.Read([]byte(text), format, offers.Defaults{Zone: beijing})
	lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
	if err != nil {
		var bad *offers.BadRows
		require.ErrorAs(t, err, &bad)
		for _, row := range bad.Rows {
			require.True(t, row.Line >= 1 && row.Line <= lines, "%+v of %d lines", row, lines)
		}
		return
	}
	require.NotEmpty(t, list)
	known, at := make(map[string]bool), make(map[int]bool)
	for _, offer := range list {
		require.False(t, offer.PushID != "" && known[offer.PushID])
		known[offer.PushID] = true
		require.Len(t, offer.Rows, len(offer.Items))
		for _, line := range offer.Rows {
			require.True(t, line >= 1 && line <= lines)
			require.False(t, format == offers.Table && at[line], "two domains of one row")
			at[line] = true
		}
	}
	ids, err := offers.CommandIDs("anna", "b", list)
	require.NoError(t, err)
	distinct := make(map[string]bool)
	for _, id := range ids {
		distinct[id] = true
	}
	require.Len(t, distinct, len(list))
}
