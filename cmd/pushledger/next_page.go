package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// nextPage prints the command that goes on behind a page: the same one with another
// cursor. Where it is wider than the terminal it is broken as a shell allows. What it does not repeat is a token, which would stay on the screen.
func (t *terminal) nextPage(cursor string) error {
	if cursor == "" {
		return nil
	}
	line, used := "next page:", 10
	width := widthOf(t.out)
	for _, word := range following(t.args, cursor) {
		const between, goesOn = 1, 2 // a space before, and " \\" behind
		wide := text.StringWidth(word)
		if width != unlimited && used+between+wide+goesOn > width {
			line, used = line+" \\\n ", 1
		}
		line, used = line+" "+word, used+between+wide
	}
	_, err := fmt.Fprintln(t.out, line)
	return err
}

// following are the words of that command, as a shell reads them.
func following(args []string, cursor string) []string {
	words := []string{"pushledger"}
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		if name != "--cursor" && name != "--token" {
			words = append(words, shellWord(args[i]))
			continue
		}
		if name == "--token" {
			words = append(words, "--token", `"$PUSHLEDGER_TOKEN"`)
		}
		if !joined {
			i++ // its value
		}
	}
	return append(words, "--cursor", shellWord(cursor))
}

// shellWord is a word as a shell reads it.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("_-./:=@,+", r)
	}
	if word != "" && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(plainLine(word), "'", `'\''`) + "'"
}
