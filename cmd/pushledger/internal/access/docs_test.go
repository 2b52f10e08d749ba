package access_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
)

var update = flag.Bool("update", false, "write the tables into docs/security.md")

const document = "../../../../docs/security.md"

func TestTheDocumentPrintsTheTables(t *testing.T) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	printed := string(text)
	for name, table := range map[string]string{"permissions": permissions(), "parts": parts()} {
		begin, end := "<!-- "+name+": begin, made by go test ./cmd/pushledger/internal/access -update -->\n", "<!-- "+name+": end -->"
		before, rest, found := strings.Cut(printed, begin)
		require.True(t, found, begin)
		_, after, found := strings.Cut(rest, end)
		require.True(t, found, end)
		printed = before + begin + table + end + after
	}
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(printed), 0o600))
		return
	}
	require.True(t, printed == string(text), "the document is old: go test ./cmd/pushledger/internal/access -update writes it anew")
}

func permissions() string {
	var b strings.Builder
	for _, way := range []struct {
		way   access.Way
		title string
	}{
		{access.Publish, "publish to"}, {access.Subscribe, "subscribe to"}, {access.Command, "verb below `push.cmd.<account>.`"}, {access.HTTP, "HTTP"},
	} {
		fmt.Fprintf(&b, "| %s | no token |", way.title)
		for _, role := range roles {
			fmt.Fprintf(&b, " %s |", role)
		}
		b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(roles)+1) + "\n")
		for _, row := range access.Table {
			if row.Way == way.way {
				b.WriteString(line(row))
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func line(row access.Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| `%s`", row.What)
	if row.Query != "" {
		fmt.Fprintf(&b, ", query `%s`", row.Query)
	}
	if row.Sandbox {
		b.WriteString(", sandbox only")
	}
	b.WriteString(" |")
	cells := []string{"–"}
	if row.Anybody {
		cells[0] = "yes"
	}
	for _, role := range roles {
		switch {
		case row.All != nil && row.Allows(role) && !slices.Contains(row.All, role):
			cells = append(cells, "own")
		case row.Allows(role), role == "service" && row.Way != access.HTTP:
			cells = append(cells, "yes")
		default:
			cells = append(cells, "–")
		}
	}
	return b.String() + " " + strings.Join(cells, " | ") + " |\n"
}

func parts() string {
	var b strings.Builder
	b.WriteString("| connection | what it does | may publish to | may subscribe to |\n| --- | --- | --- | --- |\n")
	for _, part := range access.Parts {
		fmt.Fprintf(&b, "| %s | %s | `%s` | `%s` |\n", part.Name, part.Does,
			strings.Join(part.Publish, "`, `"), strings.Join(append([]string{part.Inbox + ".>"}, part.Subscribe...), "`, `"))
	}
	return b.String()
}
