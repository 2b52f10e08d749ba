package catalog_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
)

// An event that the catalog does not list could be written and never read back.
func TestTheCatalogListsEveryEventOfEveryAggregate(t *testing.T) {
	var written []string
	for _, aggregate := range []string{"push", "listing", "daybill"} {
		found := implementations(t, aggregate)
		require.NotEmpty(t, found)
		written = append(written, found...)
	}
	listed := make([]string, len(catalog.Events()))
	for i, event := range catalog.Events() {
		listed[i] = reflect.TypeOf(event).String()
	}
	require.ElementsMatch(t, written, listed)
}

// implementations finds the types that seal themselves into an aggregate's Event by
// the method that bears the aggregate's name.
func implementations(t *testing.T, aggregate string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", aggregate, "*.go"))
	require.NoError(t, err)
	var types []string
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			method, is := declaration.(*ast.FuncDecl)
			if is && method.Recv != nil && method.Name.Name == aggregate {
				types = append(types, aggregate+"."+method.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	return types
}
