package alipaygateway

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	methodBill = "alipay.data.dataservice.bill.downloadurl.query"
	billPage   = "downloadBillFile.resource"

	billAddressLife = 30 * time.Second
	billReadyHour   = 9 // of the day after, in Alipay's time
)

// Refusals of a bill. Alipay says the first for a day that is not over, and the second for
// one whose bill is not made yet as for one on which nothing moved.
var (
	errBillInvalid = failed("isv.invalid_arguments", "参数不合法")
	errNoBill      = failed("isp.bill_not_exist", "账单不存在")
)

// handed is what is different about the bills that are handed out. The zero value with a
// token is ready for use.
type handed struct {
	token string // by which addresses are known as the gateway's own

	mu    sync.Mutex
	ready []string // days whose bills are there before their time
	twice []string // numbers that stand on a bill twice
}

// arrange has the bills of a day made at once, or a number stand on bills twice.
func (h *handed) arrange(day string, ready bool, twice string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ready && !slices.Contains(h.ready, day) {
		h.ready = append(h.ready, day)
	}
	if twice != "" {
		h.twice = append(h.twice, twice)
	}
}

func (h *handed) isReady(day string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.ready, day)
}

// repeat adds the movements again that stand on a bill twice.
func (h *handed) repeat(all []movement) []movement {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, moved := range slices.Clone(all) {
		ours := moved.trade.OutTradeNo
		if moved.payout.OutBizNo != "" {
			ours = moved.payout.OutBizNo
		}
		if !moved.fee && slices.Contains(h.twice, ours) {
			all = append(all, moved)
		}
	}
	return all
}

type billContent struct {
	Type string `json:"bill_type"`
	Date string `json:"bill_date"`
	SMID string `json:"smid"`
}

type billAddressAnswer struct {
	status
	Address string `json:"bill_download_url"`
}

// billAddress answers with where the bill of a day can be downloaded for a while. Bills of
// months are not made here.
func (g *Gateway) billAddress(_ context.Context, asked call) (any, error) {
	wanted, err := content[billContent](asked)
	if err != nil {
		return nil, err
	}
	day, err := time.ParseInLocation(time.DateOnly, wanted.Date, g.zone)
	if _, known := bills[wanted.Type]; err != nil || !known || wanted.SMID != "" { // an smid is for bills of sub-merchants
		return nil, errBillInvalid
	}
	if err := tooEarly(day, g.now()); err != nil && !g.handed.isReady(wanted.Date) {
		return nil, err
	}
	if len(g.onBill(wanted.Type, day)) == 0 {
		return nil, errNoBill
	}
	issued := strconv.FormatInt(g.now().Unix(), 10)
	compact := strings.ReplaceAll(wanted.Date, "-", "")
	name := fmt.Sprintf("%s0156_%s.csv.zip", sellerID, compact)
	kind := bizTypes[wanted.Type]
	fields := url.Values{
		"bizType": {kind}, "userId": {sellerID + "0156"}, "fileType": {"csv.zip"}, "bizDates": {compact}, "downloadFileName": {name},
		"fileId": {"/" + kind + "/" + sellerID + "0156/" + compact + ".csv.zip"}, "timestamp": {issued},
		"token": {g.handed.sign(kind, compact, issued)},
	}
	at, err := url.Parse(asked.at)
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: address: %w", err)
	}
	at.Path, at.RawQuery = path.Join(path.Dir(at.Path), billPage), fields.Encode()
	return billAddressAnswer{status: success, Address: at.String()}, nil
}

// tooEarly is the refusal of a bill that is not made yet.
func tooEarly(day, now time.Time) error {
	over := day.AddDate(0, 0, 1)
	switch {
	case now.Before(over):
		return errBillInvalid
	case now.Before(over.Add(billReadyHour * time.Hour)):
		return errNoBill
	default:
		return nil
	}
}

// bizTypes are the types of bills in addresses.
var bizTypes = map[string]string{billTrade: "trade", billAccount: "fnd"}

// sign makes the token of an address.
func (h *handed) sign(parts ...string) string {
	sum := hmac.New(sha256.New, []byte(h.token))
	sum.Write([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum.Sum(nil))
}

// onBill are the movements on a bill of a day.
func (g *Gateway) onBill(kind string, day time.Time) []movement {
	end := day.AddDate(0, 0, 1)
	var on []movement
	for _, moved := range g.movements() {
		if !moved.at.Before(day) && moved.at.Before(end) && bills[kind].row(g, moved) != nil {
			on = append(on, moved)
		}
	}
	return on
}

// serveBill hands out a bill to whoever has its address, for a while. After that there is
// a page for people, as Alipay has it.
func (g *Gateway) serveBill(w http.ResponseWriter, r *http.Request) {
	fields := r.URL.Query()
	kind, compact, issued := fields.Get("bizType"), fields.Get("bizDates"), fields.Get("timestamp")
	if !hmac.Equal([]byte(g.handed.sign(kind, compact, issued)), []byte(fields.Get("token"))) {
		http.Error(w, "没有权限", http.StatusForbidden)
		return
	}
	seconds, err := strconv.ParseInt(issued, 10, 64)
	if err != nil || !g.now().Before(time.Unix(seconds, 0).Add(billAddressLife)) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>下载超时</title><p>下载超时,请重新下载</p>\n")) // whoever has gone needs no page
		return
	}
	whole, err := g.billArchive(kind, compact)
	if err != nil {
		g.logger.Error("sandbox alipay: a bill could not be made", "error", err)
		http.Error(w, "system error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	if _, err := w.Write(whole); err != nil {
		g.logger.Warn("sandbox alipay: a bill could not be sent", "error", err)
	}
}

// billArchive is a bill of a day and its summary, in GBK and with names in GBK.
func (g *Gateway) billArchive(bizType, compact string) ([]byte, error) {
	day, err := time.ParseInLocation("20060102", compact, g.zone)
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: bill: %w", err)
	}
	kind := billTrade
	if bizType == bizTypes[billAccount] {
		kind = billAccount
	}
	on := g.onBill(kind, day)
	text, err := g.write(bills[kind], day, day.AddDate(0, 0, 1), on)
	if err != nil {
		return nil, err
	}
	title := bills[kind].title
	sums := fmt.Sprintf("#支付宝%s汇总查询\n#账号：[%s0156]\n#起始日期：[%s]   终止日期：[%s]\n类型,笔数\n合计,%d\n",
		strings.TrimSuffix(title, "明细"), sellerID, day.Format(dayLayout), day.AddDate(0, 0, 1).Format(dayLayout), len(on))
	var whole bytes.Buffer
	archive := zip.NewWriter(&whole)
	for _, one := range []struct{ name, text string }{{title, text}, {title + "(汇总)", sums}} {
		if err := addFile(archive, fmt.Sprintf("%s0156_%s_%s.csv", sellerID, compact, one.name), one.text); err != nil {
			return nil, fmt.Errorf("alipaygateway: bill: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("alipaygateway: bill: %w", err)
	}
	return whole.Bytes(), nil
}

func addFile(archive *zip.Writer, name, text string) error {
	encode := simplifiedchinese.GB18030.NewEncoder()
	encodedName, err := encode.String(name)
	if err != nil {
		return err
	}
	body, err := encode.String(text)
	if err != nil {
		return err
	}
	entry, err := archive.CreateHeader(&zip.FileHeader{Name: encodedName, NonUTF8: true, Method: zip.Deflate})
	if err != nil {
		return err
	}
	_, err = entry.Write([]byte(body))
	return err
}
