package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The fault table has every row, and names no test that there is not.
func TestTheFaultTableNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	const root = "../.."
	text, err := os.ReadFile(filepath.Join(root, "docs", "reliability.md"))
	require.NoError(t, err)
	defined, named := regexp.MustCompile(`(?m)^func (Test\w+)\(`), regexp.MustCompile("`(Test\\w+)`")
	exist := make(map[string]bool)
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path) // #nosec G304 G122 -- the module's own files
		for _, match := range defined.FindAllSubmatch(source, -1) {
			exist[string(match[1])] = true
		}
		return err
	}))
	for _, match := range named.FindAllSubmatch(text, -1) {
		require.Contains(t, exist, string(match[1]))
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) == 4 && strings.HasPrefix(line, "| F") {
			rows = append(rows, strings.TrimPrefix(cells[0], "| "))
			require.Regexp(t, named, cells[3], "%s has no test", rows[len(rows)-1])
		}
	}
	var want []string
	for i := range 44 {
		want = append(want, fmt.Sprintf("F%d", i+1))
	}
	for i := 54; i <= 57; i++ {
		want = append(want, fmt.Sprintf("F%d", i))
	}
	require.Equal(t, want, rows)
}
