package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// plain makes every character visible that could do something to a terminal or turn what
// it shows around. Remarks, reasons and names are other people's words.
// Line ends and tabs stay. Escapes are those of JSON, so that a JSON text means the same
// afterwards.
func plain(text string) string { return escape(text, "\n\t") }

// plainLine is plain for what must stay on one line, so that nobody's words look like a
// line of their own.
func plainLine(text string) string { return escape(text, "") }

func escape(text, but string) string {
	var safe strings.Builder
	for _, r := range text {
		switch {
		case strings.ContainsRune(but, r) || !hidden(r):
			safe.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&safe, "\\u%04x\\u%04x", high, low)
		default:
			fmt.Fprintf(&safe, "\\u%04x", r)
		}
	}
	return safe.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// plainWriter writes everything plain, a whole text at a time.
type plainWriter struct{ out io.Writer }

// Write implements io.Writer.
func (w plainWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.out, plain(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}
