package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A change of the code that a bug is planted into shows here, not only when somebody plants
// all of them.
func TestEveryBugCanBePlanted(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	t.Chdir(root)
	for _, planted := range mutants {
		t.Run(planted.name, func(t *testing.T) {
			_, err := planted.plant(t.TempDir())
			require.NoError(t, err)
			require.NotEqual(t, planted.old, planted.wrong)
		})
	}
}
