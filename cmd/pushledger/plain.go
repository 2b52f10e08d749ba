package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// plain makes every character visible that could do something to a terminal or turn what
// it shows around. Remarks, reasons and names are other people's words.
func plain(text string) string {
	var safe strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t':
			safe.WriteRune(r)
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			fmt.Fprintf(&safe, "\\u%04x", r)
		default:
			safe.WriteRune(r)
		}
	}
	return safe.String()
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
