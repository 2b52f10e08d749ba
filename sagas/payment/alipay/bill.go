package alipay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment/bill"
)

const (
	maxBill      = 64 << 20        // bytes of one download
	billPatience = 2 * time.Minute // for one download
	billAttempts = 3               // addresses asked for: each is good for 30 seconds
)

// billHosts are Alipay's own, with what is below them: bills lie on others than the gateway.
var billHosts = []string{"alipay.com", "alipaydev.com"}

// noBill are the refusals that say that there is no bill, not yet or because nothing moved:
// as Alipay answers, as its documents have it, and as others have met it.
var noBill = map[string]bool{"isp.bill_not_exist": true, "BILL_NOT_EXIST": true, "isv.bill-not-exist": true}

type billAnswer struct {
	status
	Address string `json:"bill_download_url"`
}

// Bill fetches the bill of a type, bill.TypeTrade or bill.TypeAccount, and a day,
// "2006-01-02" in Alipay's time. The bill of a very busy day comes in several parts. The
// error is bill.ErrNotThere if Alipay has none: it is made at about nine o'clock on the next
// day, and for a day on which nothing has moved never.
func (p *Provider) Bill(ctx context.Context, kind, day string) ([]bill.Bill, error) {
	var err error
	for range billAttempts {
		var address *url.URL
		if address, err = p.billAddress(ctx, kind, day); err != nil {
			return nil, err
		}
		var file []byte
		if file, err = p.download(ctx, address); err != nil {
			continue // an address that has expired answers with a page for people
		}
		bills, err := bill.Read(bytes.NewReader(file))
		if err == nil {
			err = ofDay(bills, kind, day)
		}
		if err != nil {
			return nil, fmt.Errorf("alipay: bill %s of %s: %w", kind, day, err)
		}
		return bills, nil
	}
	return nil, fmt.Errorf("alipay: bill %s of %s could not be downloaded: %w", kind, day, err)
}

// billAddress asks where a bill lies.
func (p *Provider) billAddress(ctx context.Context, kind, day string) (*url.URL, error) {
	question := alipay.BillDownloadURLQuery{BillType: kind, BillDate: day}
	var said billAnswer
	err := p.ask(ctx, question, &said)
	if err != nil && noBill[said.SubCode] {
		return nil, fmt.Errorf("alipay: bill %s of %s: %w: %.200q", kind, day, bill.ErrNotThere, said.SubText)
	}
	if err != nil {
		return nil, err
	}
	address, err := p.ownAddress(said.Address)
	if err != nil {
		return nil, fmt.Errorf("alipay: bill %s of %s: %w", kind, day, err)
	}
	return address, nil
}

// ownAddress lets addresses pass that are Alipay's own, which are asked over TLS even where
// Alipay writes http, and those at the gateway itself: a sandbox has no other host.
func (p *Provider) ownAddress(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("an address that is none")
	}
	gateway, err := url.Parse(p.config.Gateway)
	if err != nil {
		return nil, err
	}
	host := strings.ToLower(address.Hostname())
	for _, own := range billHosts {
		plain := address.Scheme == "http" && address.Port() == "" || address.Scheme == "https" && (address.Port() == "" || address.Port() == "443")
		if plain && address.User == nil && (host == own || strings.HasSuffix(host, "."+own)) {
			address.Scheme = "https"
			return address, nil
		}
	}
	if address.Scheme == gateway.Scheme && address.Host == gateway.Host && address.User == nil {
		return address, nil
	}
	return nil, fmt.Errorf("it lies at %.100q, which is neither Alipay's nor the gateway's host", address.Host)
}

// errExpired means that instead of a bill there was something else at its address.
var errExpired = errors.New("the address has expired, or is none of an archive")

// download reads what lies at an address.
func (p *Provider) download(ctx context.Context, address *url.URL) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := p.files.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the address, by which anybody gets the bill
		}
		return nil, err
	}
	file, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	if !bytes.HasPrefix(file, []byte("PK")) {
		return nil, errExpired
	}
	return file, nil
}

// ofDay keeps the bill of another day or type from being taken for the one asked for.
func ofDay(bills []bill.Bill, kind, day string) error {
	from, err := time.ParseInLocation(time.DateOnly, day, bill.Zone)
	if err != nil {
		return err
	}
	for _, one := range bills {
		if one.Type() != kind || !one.From.Equal(from) || !one.To.Equal(from.AddDate(0, 0, 1)) {
			return fmt.Errorf("it is %s from %s to %s", one.Type(), one.From.Format(time.DateTime), one.To.Format(time.DateTime))
		}
	}
	return nil
}
