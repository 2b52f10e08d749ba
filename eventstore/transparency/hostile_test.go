package transparency_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

// A checkpoint has one spelling. With two of them the same note would be two to whoever
// compares bytes.
func TestARootInAnotherSpellingIsRefused(t *testing.T) {
	signer, key, _ := knownKey(t)
	root := tlog.Hash{7}.String()
	for name, text := range map[string]string{
		"other bits":  key.Name() + "\n5\n" + otherBits(root) + "\n",
		"a break":     key.Name() + "\n5\n" + root[:9] + "\r" + root[9:] + "\n",
		"a huge size": key.Name() + "\n9223372036854775807\n" + root + "\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		require.NoError(t, err)
		_, err = transparency.OpenCheckpoint(signed, key)
		require.ErrorIs(t, err, transparency.ErrCheckpoint, name)
	}
}

// endless is a file that says it is small, or larger than memory, and never ends.
type endless struct{ size int64 }

func (e endless) Open(name string) (fs.File, error) { return &endlessFile{endless: e, name: name}, nil }

type endlessFile struct {
	endless
	name string
	read int
}

func (f *endlessFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *endlessFile) Close() error               { return nil }
func (f *endlessFile) Read(into []byte) (int, error) {
	f.read += len(into)
	return len(into), f.enough()
}
func (f *endlessFile) Name() string            { return f.name }
func (f *endlessFile) Size() int64             { return f.size }
func (f *endlessFile) Mode() fs.FileMode       { return 0o600 }
func (f *endlessFile) ModTime() (at time.Time) { return at }
func (f *endlessFile) IsDir() bool             { return false }
func (f *endlessFile) Sys() any                { return nil }
func (f *endlessFile) enough() error {
	if f.read > 64<<20 {
		return fmt.Errorf("%s was read to %d bytes: %w", f.name, f.read, io.ErrShortBuffer)
	}
	return nil
}

// What a bundle says of the length of its files is not believed, and no file is read
// further than it can reach.
func TestAFileWithoutAnEndIsNotReadToIt(t *testing.T) {
	_, key, _ := knownKey(t)
	for _, size := range []int64{1, math.MaxInt64, -1} {
		_, err := transparency.OpenCopy(endless{size}, key)
		require.ErrorContains(t, err, "has more than", size)
		_, err = transparency.NamedKey(endless{size})
		require.ErrorContains(t, err, "has more than", size)
	}
}

// leafOfTexts is a leaf all of whose headers and body stand apart from it, as the same text.
func leafOfTexts(text []byte) []byte {
	sum := sha256.Sum256(text)
	long := func(data []byte, text string) []byte {
		return append(binary.BigEndian.AppendUint32(data, uint32(len(text))), text...)
	}
	leaf := long(nil, "pushledger/event/v1")
	leaf = long(long(leaf, "PUSH_EVENTS"), "push.evt.push.p")
	leaf = binary.BigEndian.AppendUint64(leaf, 1)
	leaf = binary.BigEndian.AppendUint64(leaf, 1)
	leaf = binary.BigEndian.AppendUint32(leaf, 64)
	for range 64 {
		leaf = long(append(long(leaf, "Actor"), 1), string(sum[:]))
	}
	return long(append(leaf, 1), string(sum[:]))
}

// A few bytes that name the same long text again and again are not made into much memory.
func TestTextsApartAreBoundedTogether(t *testing.T) {
	text := make([]byte, 1<<20)
	sum := sha256.Sum256(text)
	signer, key, _ := knownKey(t)
	leaf := leafOfTexts(text)
	checkpoint, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n1\n%s\n", key.Name(), tlog.RecordHash(leaf))}, signer)
	require.NoError(t, err)
	name := hex.EncodeToString(sum[:])
	kept, err := transparency.OpenCopy(fstest.MapFS{
		"checkpoint":                     {Data: checkpoint},
		"tile/entries/000.p/1":           {Data: append(binary.BigEndian.AppendUint16(nil, uint16(len(leaf))), leaf...)},
		"apart/" + name[:2] + "/" + name: {Data: text},
	}, key)
	require.NoError(t, err)
	err = kept.Entries(context.Background(), 0, 1, func(transparency.Entry) error { return nil })
	damageAt(t, err, 1)
	require.ErrorContains(t, err, "texts apart")
}
