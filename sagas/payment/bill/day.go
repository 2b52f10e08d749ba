package bill

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Source is where Alipay's bills come from. Bill returns the parts of the one of a type,
// TypeTrade or TypeAccount, and a day, "2006-01-02" in Alipay's time, or ErrNotThere.
type Source interface {
	Bill(ctx context.Context, kind, day string) ([]Bill, error)
}

// OfDay fetches both bills of the day that begins at a moment, and reports whether there is
// any. Where there is none of a type an empty one stands for it: as far as Alipay says,
// nothing has moved.
func OfDay(ctx context.Context, from Source, begin time.Time) (bills []Bill, there bool, err error) {
	day := begin.Format(time.DateOnly)
	for _, kind := range []string{TypeTrade, TypeAccount} {
		parts, err := from.Bill(ctx, kind, day)
		switch {
		case errors.Is(err, ErrNotThere):
			parts = []Bill{{From: begin, To: begin.AddDate(0, 0, 1), Payouts: kind == TypeAccount}}
		case err != nil:
			return nil, false, fmt.Errorf("bill: %s: %w", day, err)
		default:
			there = true
		}
		bills = append(bills, parts...)
	}
	return bills, there, nil
}
