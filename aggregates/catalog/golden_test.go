package catalog_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/eventstore" //nolint:depguard // the golden files are read the way the log reads them
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "../../testdata/golden/events"

// The golden files are what a log holds today. One that no longer decodes, or decodes
// to something else, is a log that can no longer be read.
func TestEveryEventIsStoredAndReadAsItsGoldenFileSays(t *testing.T) {
	registry := eventstore.NewRegistry(catalog.Events()...)
	for _, example := range examples {
		t.Run(example.EventType(), func(t *testing.T) {
			encoded, err := registry.Encode(example)
			require.NoError(t, err)
			readable := jsontext.Value(encoded)
			require.NoError(t, readable.Indent(jsontext.WithIndent("  ")))

			path := filepath.Join(golden, example.EventType()+".json")
			if *update {
				require.NoError(t, os.MkdirAll(golden, 0o755))
				require.NoError(t, os.WriteFile(path, append(readable, '\n'), 0o644))
			}
			stored, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(stored), string(readable)+"\n")

			decoded, err := registry.Decode(example.EventType(), eventstore.SchemaVersion, stored)
			require.NoError(t, err)
			require.Equal(t, example, decoded)
		})
	}
}

// Bodies from before an event had all the members that it has today are read as ever.
func TestOlderBodiesAreRead(t *testing.T) {
	registry := eventstore.NewRegistry(catalog.Events()...)
	files, err := filepath.Glob("../../testdata/golden/older/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		stored, err := os.ReadFile(path)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		decoded, err := registry.Decode(name, eventstore.SchemaVersion, stored)
		require.NoError(t, err, path)
		again, err := registry.Encode(decoded)
		require.NoError(t, err)
		require.JSONEq(t, string(stored), string(again), path)
	}
}

func TestEveryEventHasAnExampleWithEveryField(t *testing.T) {
	require.Len(t, examples, len(catalog.Events()))
	for i, event := range catalog.Events() {
		require.IsType(t, event, examples[i])
		requireFilled(t, event.EventType(), reflect.ValueOf(examples[i]))
	}
}

func requireFilled(t *testing.T, path string, value reflect.Value) {
	t.Helper()
	require.False(t, value.IsZero(), "%s is empty in the example", path)
	if value.Kind() != reflect.Struct || value.NumField() == 0 || !value.Type().Field(0).IsExported() {
		return
	}
	for i := range value.NumField() {
		requireFilled(t, path+"."+value.Type().Field(i).Name, value.Field(i))
	}
}

func TestNoGoldenFileIsLeftOver(t *testing.T) {
	files, err := os.ReadDir(golden)
	require.NoError(t, err)
	require.Len(t, files, len(catalog.Events()))
}
