package transparency_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectors = "../../testdata/audit"

// vector is one event and what docs/audit.md makes of it.
type vector struct {
	Stream   string      `json:"stream"`
	Subject  string      `json:"subject"`
	Sequence uint64      `json:"sequence"`
	Time     time.Time   `json:"time"`
	Headers  [][2]string `json:"headers"`
	Body     string      `json:"body"`
	Repeat   int         `json:"body_repeated,omitzero"` // the body is this many times the text; 0: once
	Leaf     string      `json:"leaf_hex"`
	Hash     tlog.Hash   `json:"leaf_hash"`
	Root     tlog.Hash   `json:"root"` // of the tree that ends here
}

func (v vector) entry() transparency.Entry {
	entry := transparency.Entry{
		Stream: v.Stream, Subject: v.Subject, Sequence: v.Sequence, Time: v.Time,
		Body: []byte(strings.Repeat(v.Body, max(1, v.Repeat))),
	}
	for _, header := range v.Headers {
		entry.Headers = append(entry.Headers, transparency.Header{Name: header[0], Value: header[1]})
	}
	return entry
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors, "leaves.json"))
	require.NoError(t, err)
	var list []vector
	require.NoError(t, json.Unmarshal(text, &list, json.RejectUnknownMembers(true)))
	return list
}

// An outside verifier that agrees with these agrees with this one.
func TestTheVectorsAreWhatTheDocumentSays(t *testing.T) {
	list := readVectors(t)
	log := &logOf{}
	for i := range list {
		leaf, err := list[i].entry().Leaf()
		require.NoError(t, err)
		log.entries = append(log.entries, list[i].entry())
		check := transparency.NewCheck(nil, nil)
		for _, entry := range log.entries {
			leaf, err := entry.Leaf()
			require.NoError(t, err)
			require.NoError(t, check.Add(leaf.Hash()))
		}
		if *update {
			list[i].Leaf, list[i].Hash, list[i].Root = hex.EncodeToString(leaf.Data), leaf.Hash(), check.Root()
		}
		require.Equal(t, list[i].Leaf, hex.EncodeToString(leaf.Data), "leaf %d", i)
		require.Equal(t, list[i].Hash, leaf.Hash())
		require.Equal(t, list[i].Root, check.Root())
	}
	if *update {
		text, err := json.Marshal(list, jsontext.WithIndent("  "))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(vectors, "leaves.json"), append(text, '\n'), 0o600))
		writeVectorLog(t, log)
	}
	requireVectorLog(t, list, log)
}

// requireVectorLog reads the directory of tiles and the proof beside the leaves.
func requireVectorLog(t *testing.T, list []vector, log *logOf) {
	files := os.DirFS(filepath.Join(vectors, "log"))
	text, err := os.ReadFile(filepath.Join(vectors, "log", "key"))
	require.NoError(t, err)
	key, err := transparency.ParseKey(string(text))
	require.NoError(t, err)
	kept, err := transparency.OpenCopy(files, key)
	require.NoError(t, err)
	require.Equal(t, list[len(list)-1].Root, kept.Checkpoint().Root)
	require.NoError(t, verify(t, kept, []transparency.Checkpoint{kept.Checkpoint()}, kept))
	require.NoError(t, verify(t, log, []transparency.Checkpoint{kept.Checkpoint()}, kept))
	made, err := kept.Prove(log.entries[1])
	require.NoError(t, err)
	stored, err := os.ReadFile(filepath.Join(vectors, "2.tlog-proof"))
	require.NoError(t, err)
	require.Equal(t, string(stored), string(made))
}

// writeVectorLog signs the log with a key that everybody knows.
func writeVectorLog(t *testing.T, log *logOf) {
	secret, public, err := note.GenerateKey(bytes.NewReader([]byte("the key of the test vectors, 32 b")), "pushledger/testvectors")
	require.NoError(t, err)
	keyFile := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(keyFile, []byte(secret+"\n"+public+"\n"), 0o600))
	dir := filepath.Join(vectors, "log")
	require.NoError(t, os.RemoveAll(dir))
	tree, err := transparency.Open(transparency.Options{
		Dir: dir, KeyFile: keyFile, Interval: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Publish: func(context.Context, transparency.Checkpoint, string) error { return nil },
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = tree.Run(ctx, func(ctx context.Context, _ uint64, handle func(transparency.Entry) error) error {
		err := log.Entries(ctx, 0, uint64(len(log.entries)), handle)
		for tree.Checkpoint().Size < uint64(len(log.entries)) {
			time.Sleep(time.Millisecond)
		}
		cancel()
		return err
	})
	require.NoError(t, err)
	kept, err := transparency.OpenCopy(os.DirFS(dir), mustKey(t, public))
	require.NoError(t, err)
	proof, err := kept.Prove(log.entries[1])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(vectors, "2.tlog-proof"), proof, 0o600))
}

func mustKey(t *testing.T, text string) note.Verifier {
	key, err := transparency.ParseKey(text)
	require.NoError(t, err)
	return key
}
