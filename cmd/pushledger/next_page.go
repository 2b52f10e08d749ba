package main

import (
	"fmt"
	"strings"
)

// nextPage prints the command that goes on behind a page: the same one with another
// cursor. What it does not repeat is a token, which would stay on the screen.
func (t *terminal) nextPage(cursor string) error {
	if cursor == "" {
		return nil
	}
	_, err := fmt.Fprintf(t.out, "next page: %s\n", following(t.args, cursor))
	return err
}

func following(args []string, cursor string) string {
	words := []string{"pushledger"}
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		if name != "--cursor" && name != "--token" {
			words = append(words, shellWord(args[i]))
			continue
		}
		if name == "--token" {
			words = append(words, `--token "$PUSHLEDGER_TOKEN"`)
		}
		if !joined {
			i++ // its value
		}
	}
	return strings.Join(append(words, "--cursor", shellWord(cursor)), " ")
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
