package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// errNotFetched means that Alipay has not given a bill, now.
var errNotFetched = errors.New("the bill could not be fetched")

// fetch gets the bills of the days that are asked for.
func (c *reconcileCommand) fetch(ctx context.Context) ([]bill.Bill, error) {
	if len(c.Fetch) == 0 {
		return nil, nil
	}
	begins := make([]time.Time, len(c.Fetch))
	for i, day := range c.Fetch {
		var err error
		if begins[i], err = readDay(day, time.Now()); err != nil {
			return nil, err
		}
	}
	provider, err := c.provider()
	if err != nil {
		return nil, err
	}
	defer provider.Disconnect()
	var bills []bill.Bill
	for _, begin := range begins {
		fetched, there, err := bill.OfDay(ctx, provider, begin)
		if err == nil && !there {
			err = fmt.Errorf("%s: %w", begin.Format(time.DateOnly), bill.ErrNotThere)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNotFetched, err)
		}
		bills = append(bills, fetched...)
	}
	return bills, nil
}

// readDay refuses what is no day that Alipay can have a bill of.
func readDay(text string, now time.Time) (time.Time, error) {
	begin, err := time.ParseInLocation(time.DateOnly, text, bill.Zone)
	if err != nil {
		return begin, fmt.Errorf("%w: --fetch %.40q is no day such as 2026-11-02", errUsage, text)
	}
	if begin.After(now) {
		return begin, fmt.Errorf("%w: --fetch %s is yet to come", errUsage, text)
	}
	return begin, nil
}

// provider is the way to Alipay. Whoever asks for bills is told nothing by Alipay, so it
// does not matter where that would go.
func (c *reconcileCommand) provider() (*alipay.Provider, error) {
	c.AlipayNotifyAddress = cmp.Or(c.AlipayNotifyAddress, "https://nowhere.invalid/")
	if missing := c.missing(); len(missing) > 0 {
		return nil, fmt.Errorf("%w: --fetch needs what `serve` needs for Alipay, but for --alipay-notify-address: %s",
			errUsage, strings.Join(slices.Compact(missing), ", "))
	}
	var wrong wrongSettings
	config := c.alipayConfig(&wrong)
	if len(wrong) > 0 {
		return nil, wrong
	}
	provider, err := alipay.New(config)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return provider, nil
}
