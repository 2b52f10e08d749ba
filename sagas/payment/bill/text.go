package bill

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// readAll reads no more than so many bytes.
func readAll(source io.Reader, most int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(source, most+1))
	if err != nil {
		return nil, fmt.Errorf("bill: %w", err)
	}
	if int64(len(raw)) > most {
		return nil, fmt.Errorf("bill: longer than %d bytes; download it day by day", most)
	}
	return raw, nil
}

// decode returns a text as UTF-8. What is valid UTF-8 is taken for that.
func decode(text []byte) ([]byte, error) {
	if utf8.Valid(text) {
		return bytes.TrimPrefix(text, []byte("\ufeff")), nil
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text) // it includes GBK
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, fmt.Errorf("%w: it is neither UTF-8 nor GBK", ErrNoBill)
	}
	return text, nil
}

// fields splits a line. Alipay quotes nothing, so quotes are first taken for what somebody
// has written; only if that does not give so many fields as there are columns, and the
// rules of CSV do, the line was written by another program.
func fields(line string, width int) []string {
	plain := strings.Split(line, ",")
	if width > 0 && len(plain) != width && strings.Contains(line, `"`) {
		quoted, err := csv.NewReader(strings.NewReader(line)).Read()
		if err == nil && len(quoted) == width {
			plain = quoted
		}
	}
	for i, field := range plain {
		plain[i] = unquoted(strings.TrimSpace(field)) // Alipay ends fields with a tab
	}
	return plain
}

// unquoted takes quotes around a whole field away.
func unquoted(field string) string {
	if len(field) >= 2 && field[0] == '"' && field[len(field)-1] == '"' && !strings.Contains(field[1:len(field)-1], `"`) {
		return strings.TrimSpace(field[1 : len(field)-1])
	}
	return field
}

// plainly spells a column's name or a comment in one way.
func plainly(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '（':
			return '('
		case '）':
			return ')'
		case '：':
			return ':'
		case '＋':
			return '+'
		case '－':
			return '-'
		case ' ', '\t', '\u3000', '\u00a0':
			return -1
		}
		return r
	}, text)
}

var period = regexp.MustCompile(`^#起始日期:\[?([0-9年月日/:-]+?)\]?终止日期:\[?([0-9年月日/:-]+?)\]?,*$`)

// period reads which time the bill covers, if the comment is about that.
func (p *parser) period(comment string) error {
	if !strings.Contains(comment, "起始日期") {
		return nil
	}
	comment = plainly(comment)
	found := period.FindStringSubmatch(comment)
	if found == nil {
		return fmt.Errorf("period %.80q cannot be read", comment)
	}
	var err error
	if p.bill.From, _, err = p.instant(found[1]); err == nil {
		p.bill.To, p.wholeTo, err = p.instant(found[2])
	}
	if err != nil {
		return fmt.Errorf("period %.40q to %.40q", found[1], found[2])
	}
	return nil
}

// layouts of the ends of a period, in which no space is left.
var layouts = []string{"2006年01月02日15:04:05", "2006-01-0215:04:05", "2006/01/0215:04:05", "2006010215:04:05", "20060102150405"}

// days are likewise those of an end without a time.
var days = []string{"2006年01月02日", "2006-01-02", "2006/01/02", "20060102"}

// instant reads an end of a period, and reports whether it is a day without a time.
func (p *parser) instant(text string) (at time.Time, day bool, err error) {
	for _, layout := range layouts {
		if at, err = time.ParseInLocation(layout, text, Zone); err == nil {
			return at, false, nil
		}
	}
	for _, layout := range days {
		if at, err = time.ParseInLocation(layout, text, Zone); err == nil {
			return at, true, nil
		}
	}
	return time.Time{}, false, err
}
