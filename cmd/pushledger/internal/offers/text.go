package offers

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

const byteOrderMark = "\ufeff"

// decode makes a text of a file: UTF-8, with or without a byte order mark, or else GB18030,
// which GBK and GB2312 are parts of. A file that is partly the one and partly the other is
// refused: read as either, some of its names would be those of other domains.
func decode(data []byte) (string, error) {
	var bad bad
	text, marked := strings.CutPrefix(string(data), byteOrderMark)
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		bad.add(1, CodeUnreadable, "this is UTF-16: save it as CSV UTF-8")
		return "", bad.err()
	case utf8.ValidString(text):
		return endings(text), nil
	}
	utf, other := encodings(text)
	if marked || utf > 0 {
		bad.add(other, CodeUnreadable, "this is not UTF-8, other lines are (such as line %d): save the file in one encoding", max(utf, 1))
		return "", bad.err()
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().String(text)
	if before, _, broken := strings.Cut(decoded, "\ufffd"); err != nil || broken {
		bad.add(strings.Count(before, "\n")+1, CodeUnreadable, "this is neither UTF-8 nor GB18030")
		return "", bad.err()
	}
	return endings(decoded), nil
}

// encodings finds the first line that is Chinese in UTF-8, 0 if none is, and the first that
// is not UTF-8.
func encodings(text string) (utf, other int) {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		switch {
		case !utf8.ValidString(line):
			if other == 0 {
				other = number
			}
		case utf == 0 && strings.ContainsFunc(line, threeBytes):
			utf = number
		}
	}
	return utf, other
}

// threeBytes reports a character that takes three bytes or more in UTF-8, as Chinese ones do.
// Shorter ones prove nothing: two bytes of GBK can be one of them.
func threeBytes(r rune) bool { return r >= 0x800 }

// endings gives every line the same end.
func endings(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}
