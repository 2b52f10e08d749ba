package domainname

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// The profile's tables are those of UTS #46, which let through what could once be looked up,
// symbols above all. What may be registered is derived here from the properties of each
// character, as RFC 5892 does it. A label comes here mapped and normalised already.

// lettersAndDigits are the categories of what names are written with (RFC 5892, 2.1). There
// are no capitals among them: they are mapped.
var lettersAndDigits = []*unicode.RangeTable{unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd}

// permittedBesides are characters of other categories that RFC 5892, 2.6, permits.
const permittedBesides = "\u06fd\u06fe\u0f0b\u3007"

// neverPermitted are letters and marks that are not: exceptions of RFC 5892, 2.6, and those
// that are ignored, stand in ignored blocks or build old Hangul syllables (2.3 to 2.9).
var neverPermitted = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034f, Hi: 0x034f, Stride: 1},
		{Lo: 0x0640, Hi: 0x0640, Stride: 1},
		{Lo: 0x07fa, Hi: 0x07fa, Stride: 1},
		{Lo: 0x1100, Hi: 0x11ff, Stride: 1}, // Hangul Jamo
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
		{Lo: 0x180b, Hi: 0x180d, Stride: 1},
		{Lo: 0x180f, Hi: 0x180f, Stride: 1},
		{Lo: 0x20d0, Hi: 0x20ff, Stride: 1}, // marks for symbols
		{Lo: 0x302e, Hi: 0x302f, Stride: 1},
		{Lo: 0x3031, Hi: 0x3035, Stride: 1},
		{Lo: 0x303b, Hi: 0x303b, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1}, // Hangul Jamo Extended-A
		{Lo: 0xd7b0, Hi: 0xd7ff, Stride: 1}, // Hangul Jamo Extended-B
		{Lo: 0xfe00, Hi: 0xfe0f, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1d100, Hi: 0x1d1ff, Stride: 1}, // musical symbols
		{Lo: 0x1d200, Hi: 0x1d24f, Stride: 1}, // ancient Greek musical notation
		{Lo: 0xe0100, Hi: 0xe01ef, Stride: 1},
	},
}

// contexts are characters that are permitted in certain company only (RFC 5892, appendices
// A.3 to A.7). The profile sees to the zero-width joiners, and by its rules on directions to
// the two kinds of Arabic digits, which may not be mixed.
var contexts = map[rune]func(label []rune, at int) bool{
	'\u00b7': func(label []rune, at int) bool { // MIDDLE DOT
		return at > 0 && at+1 < len(label) && label[at-1] == 'l' && label[at+1] == 'l'
	},
	'\u0375': func(label []rune, at int) bool { // GREEK LOWER NUMERAL SIGN
		return at+1 < len(label) && unicode.Is(unicode.Greek, label[at+1])
	},
	'\u05f3': afterHebrew, // HEBREW PUNCTUATION GERESH
	'\u05f4': afterHebrew, // HEBREW PUNCTUATION GERSHAYIM
	'\u30fb': func(label []rune, _ int) bool { // KATAKANA MIDDLE DOT
		return slices.ContainsFunc(label, func(r rune) bool {
			return r != '\u30fb' && unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han)
		})
	},
}

func afterHebrew(label []rune, at int) bool {
	return at > 0 && unicode.Is(unicode.Hebrew, label[at-1])
}

// forbidden is why IDNA2008 does not permit a label in its Unicode form; empty if it does.
func forbidden(text string) string {
	if isASCII(text) {
		return "" // letters, digits and hyphens, as has been checked
	}
	label := []rune(text)
	for at, r := range label {
		if fits, depends := contexts[r]; depends && !fits(label, at) {
			return fmt.Sprintf("U+%04X does not belong where it stands", r)
		} else if !depends && !permitted(r) {
			return fmt.Sprintf("no domain may hold U+%04X (IDNA2008)", r)
		}
	}
	return ""
}

func permitted(r rune) bool {
	switch {
	case r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
		return true
	case r == '\u200c' || r == '\u200d': // the profile has looked at what stands around them
		return true
	case strings.ContainsRune(permittedBesides, r), r >= '\u13a0' && r <= '\u13f5': // Cherokee capitals stay capitals
		return true
	default:
		return unicode.In(r, lettersAndDigits...) && !unicode.Is(neverPermitted, r)
	}
}
