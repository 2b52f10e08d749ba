package main

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// unlimited is the width where nobody looks: whoever reads from a pipe or a file wants
// whole lines.
const unlimited = 0

// widthOf is how many columns may be written: COLUMNS if it is set, else the terminal's own.
func widthOf(out io.Writer) int {
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	if file, is := out.(*os.File); is {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil { // #nosec G115 -- as the library has it
			return columns
		}
	}
	return unlimited
}

// wrap breaks a line at spaces, and between characters of double width, which have none,
// so that no part is wider than width unless it is one word. Parts behind the first are
// indented as far as there is room.
func wrap(line string, width, indent int) string {
	if width == unlimited || text.StringWidthWithoutEscSequences(line) <= width {
		return line
	}
	var wrapped strings.Builder
	used, gap := 0, ""
	for _, piece := range pieces(line) {
		if strings.TrimSpace(piece) == "" {
			gap = piece
			continue
		}
		wide := text.StringWidthWithoutEscSequences(piece)
		switch {
		case used == 0 && wrapped.Len() == 0:
			used = len(gap)
			wrapped.WriteString(gap)
		case used+len(gap)+wide <= width:
			used += len(gap)
			wrapped.WriteString(gap)
		default:
			used = max(0, min(indent, width-wide))
			wrapped.WriteString("\n" + strings.Repeat(" ", used))
		}
		used += wide
		wrapped.WriteString(piece)
		gap = ""
	}
	return wrapped.String()
}

// wrapLines wraps each line of a text.
func wrapLines(lines string, width, indent int) string {
	var wrapped []string
	for line := range strings.SplitSeq(lines, "\n") {
		wrapped = append(wrapped, wrap(line, width, indent))
	}
	return strings.Join(wrapped, "\n")
}

// pieces are the words of a line and the spaces between them. A character of double width
// is a word, with what is put on it and the closing signs that follow.
func pieces(line string) []string {
	var found []string
	var piece strings.Builder
	space, wide := false, false
	for _, r := range line {
		width := text.StringWidth(string(r))
		split := (r == ' ') != space || wide && width > 0 && !closing(r) || width == 2 && !closing(r)
		if split && piece.Len() > 0 {
			found = append(found, piece.String())
			piece.Reset()
		}
		space = r == ' '
		if width > 0 {
			wide = width == 2
		}
		piece.WriteRune(r)
	}
	return append(found, piece.String())
}

// closing signs do not begin a line.
func closing(r rune) bool {
	return strings.ContainsRune("，。；：、！？）》」』”’…", r)
}

// widestWord is the width of the widest part that cannot be broken.
func widestWord(line string) int {
	widest := 0
	for _, piece := range pieces(line) {
		if strings.TrimSpace(piece) != "" {
			widest = max(widest, text.StringWidthWithoutEscSequences(piece))
		}
	}
	return widest
}
