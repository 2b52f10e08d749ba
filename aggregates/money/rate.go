package money

import (
	"fmt"
	"strings"
)

// Rate is a share of a total in parts per million, from 0 to Whole. The fee of a push
// is one (rule T2).
type Rate int64

// Whole is the rate 1: all of the total.
const Whole Rate = 1_000_000

// ParseRate reads a share with at most six decimals, such as "0" or "0.05". It returns
// ErrSyntax or, above 1, ErrTooLarge.
func ParseRate(text string) (Rate, error) {
	parts, err := parseDecimal(text, 6, int64(Whole))
	if err != nil {
		return 0, fmt.Errorf("money: rate %.32q: %w", text, err)
	}
	return Rate(parts), nil
}

// String gives the shortest decimal, such as "0" or "0.05".
func (r Rate) String() string {
	if r == 0 { // as it is today, on every push
		return "0"
	}
	sign, parts := "", r
	if r < 0 {
		sign, parts = "-", -r
	}
	text := fmt.Sprintf("%s%d.%06d", sign, parts/Whole, parts%Whole)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// AppendText gives String and refuses a rate outside 0 to 1.
func (r Rate) AppendText(text []byte) ([]byte, error) {
	switch {
	case r < 0:
		return nil, fmt.Errorf("money: rate %s: %w", r, ErrNegative)
	case r > Whole:
		return nil, fmt.Errorf("money: rate %s: %w", r, ErrTooLarge)
	default:
		return append(text, r.String()...), nil
	}
}

// MarshalText is AppendText.
func (r Rate) MarshalText() ([]byte, error) { return r.AppendText(nil) }

// UnmarshalText is ParseRate.
func (r *Rate) UnmarshalText(text []byte) error {
	rate, err := ParseRate(string(text))
	if err != nil {
		return err
	}
	*r = rate
	return nil
}

// Of is the share of a total, rounded down to whole fen: what is left for the seller
// is never less than the rate leaves. For a rate and a total within their bounds it
// lies between 0 and total.
func (r Rate) Of(total Fen) Fen {
	return total * Fen(r) / Fen(Whole) // at most 10^16: cannot overflow
}
