package money

import "strings"

// maxWholeDigits bounds what is computed before the maximum is looked at. With six
// decimals the largest number still has 15 digits.
const maxWholeDigits = 9

// parseDecimal reads (0|[1-9]\d*)(\.\d{1,places})? as a whole number of the smallest
// unit. Written out by hand because every amount of every event is read with it.
func parseDecimal(text string, places int, most int64) (int64, error) {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	if !isDigits(whole) || len(whole) > 1 && whole[0] == '0' {
		return 0, ErrSyntax
	}
	if hasPoint && (!isDigits(fraction) || len(fraction) > places) {
		return 0, ErrSyntax
	}
	if len(whole) > maxWholeDigits {
		return 0, ErrTooLarge
	}
	units := int64(0)
	for _, digit := range []byte(whole + fraction) {
		units = units*10 + int64(digit-'0')
	}
	for range places - len(fraction) {
		units *= 10
	}
	if units > most {
		return 0, ErrTooLarge
	}
	return units, nil
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
