// Package money counts in whole fen, so nothing is ever rounded by accident. What it
// guarantees: an amount that was parsed, summed or read from JSON lies between 0 and
// Max, and no operation on such amounts overflows.
package money

import (
	"errors"
	"fmt"
	"strconv"
)

// Fen is an amount of money in fen, a hundredth of a yuan (CNY). Amounts of the
// ledger lie between 0 and Max; a balance of the journal may lie outside.
type Fen int64

// Max is the most that one push may cost, 100,000,000.00 (rule T11), and with it the
// bound of every amount and every sum.
const Max Fen = 100_000_000_00

// Errors of parsing and adding. They are wrapped with what was refused.
var (
	ErrSyntax   = errors.New("not a plain decimal number")
	ErrTooLarge = errors.New("above the maximum")
	ErrNegative = errors.New("below zero")
)

// Parse reads yuan with at most two decimals, such as "1999", "1999.5" or "1999.00"
// (rule T8): no sign, no leading zero, no exponent, no separator, no space. It returns
// ErrSyntax or, above Max, ErrTooLarge.
func Parse(text string) (Fen, error) {
	units, err := parseDecimal(text, 2, int64(Max))
	if err != nil {
		return 0, fmt.Errorf("money: amount %.32q: %w", text, err)
	}
	return Fen(units), nil
}

// String gives yuan with two decimals, such as "1999.00".
func (f Fen) String() string { return string(f.append(nil)) }

func (f Fen) append(text []byte) []byte {
	rest := uint64(f) //nolint:gosec // two's complement is wanted: -f overflows for the smallest number
	if f < 0 {
		text, rest = append(text, '-'), -rest
	}
	text = strconv.AppendUint(text, rest/100, 10)
	return append(text, '.', byte('0'+rest%100/10), byte('0'+rest%10))
}

// AppendText gives String and refuses an amount that could not be read back, so that
// none reaches the log. A balance outside 0 to Max is written with String.
func (f Fen) AppendText(text []byte) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("money: amount %s: %w", f, err)
	}
	return f.append(text), nil
}

// MarshalText is AppendText.
func (f Fen) MarshalText() ([]byte, error) { return f.AppendText(nil) }

// UnmarshalText is Parse.
func (f *Fen) UnmarshalText(text []byte) error {
	amount, err := Parse(string(text))
	if err != nil {
		return err
	}
	*f = amount
	return nil
}

// Sum adds amounts. It returns ErrTooLarge if the sum, and ErrNegative or ErrTooLarge
// if one of the amounts, lies outside 0 to Max.
func Sum(amounts ...Fen) (Fen, error) {
	total := Fen(0)
	for _, amount := range amounts {
		if err := amount.check(); err != nil {
			return 0, fmt.Errorf("money: sum with %s: %w", amount, err)
		}
		total += amount // below 2·Max: cannot overflow
		if total > Max {
			return 0, fmt.Errorf("money: sum: %w", ErrTooLarge)
		}
	}
	return total, nil
}

func (f Fen) check() error {
	switch {
	case f < 0:
		return ErrNegative
	case f > Max:
		return ErrTooLarge
	default:
		return nil
	}
}
