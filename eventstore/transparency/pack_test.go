package transparency_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

func packed(t testing.TB, entries ...transparency.Entry) []byte {
	t.Helper()
	var data []byte
	var err error
	for _, entry := range entries {
		data, err = transparency.AppendPacked(data, entry)
		require.NoError(t, err)
	}
	return data
}

func TestPackedEntriesAreReadBackAsTheyWere(t *testing.T) {
	whole := entry(3)
	whole.Body = []byte(long)
	data := packed(t, entry(2), whole)
	read, err := transparency.ReadPacked(data)
	require.NoError(t, err)
	require.Len(t, read, 2)
	for i, want := range []transparency.Entry{entry(2), whole} {
		is, err := read[i].Leaf()
		require.NoError(t, err)
		must, err := want.Leaf()
		require.NoError(t, err)
		require.Equal(t, must, is)
	}
	for cut := 1; cut < 300; cut++ {
		_, err := transparency.ReadPacked(data[:cut])
		if err == nil {
			require.Equal(t, packed(t, entry(2)), data[:cut])
		}
	}
}

// FuzzReadPacked holds that whatever is read is read back as the same bytes or refused.
func FuzzReadPacked(f *testing.F) {
	whole := entry(3)
	whole.Body = []byte(long)
	f.Add(packed(f, entry(1), entry(2)))
	f.Add(packed(f, whole))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := transparency.ReadPacked(data)
		if err != nil {
			return
		}
		again, err := transparency.ReadPacked(packed(t, entries...))
		require.NoError(t, err)
		require.Equal(t, entries, again)
	})
}
