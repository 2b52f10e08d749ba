package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	namedTest   = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	namedTarget = regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| `(Fuzz[A-Za-z0-9_]+)` \\|")
	testFunc    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
)

// The threats of docs/security.md name tests that exist, one at least each, and every fuzz
// target of the tree is listed after them.
func TestTheThreatsAreTested(t *testing.T) {
	root := os.DirFS("../..")
	document, err := fs.ReadFile(root, "docs/security.md")
	require.NoError(t, err)
	_, text, found := bytes.Cut(document, []byte("\n## Threats\n"))
	require.True(t, found)
	exists, targets := testsOf(t, root)
	for line := range strings.Lines(string(text)) {
		named := namedTest.FindAllStringSubmatch(line, -1)
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") && !strings.HasPrefix(line, "| threat") && !strings.HasPrefix(line, "| package") {
			require.NotEmpty(t, named, line)
		}
		for _, name := range named {
			require.True(t, exists[name[1]], "no test is called %s", name[1])
		}
	}
	for _, target := range namedTarget.FindAllSubmatch(text, -1) {
		delete(targets, string(target[1])+" "+string(target[2]))
	}
	require.Empty(t, targets, "fuzz targets that docs/security.md does not list")
}

// testsOf lists the names of all tests, and the fuzz targets by package.
func testsOf(t *testing.T, root fs.FS) (names, targets map[string]bool) {
	t.Helper()
	names, targets = make(map[string]bool), make(map[string]bool)
	require.NoError(t, fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != "." || entry.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, found := range testFunc.FindAllSubmatch(text, -1) {
			names[string(found[1])] = true
			if bytes.HasPrefix(found[1], []byte("Fuzz")) {
				targets[path.Dir(name)+" "+string(found[1])] = true
			}
		}
		return nil
	}))
	return names, targets
}
