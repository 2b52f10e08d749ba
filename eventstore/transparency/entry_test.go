package transparency_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

func replace(t *testing.T, text []byte, old, with string) []byte {
	t.Helper()
	changed := bytes.Replace(text, []byte(old), []byte(with), 1)
	require.NotEqual(t, text, changed)
	return changed
}

func TestOnlyProvedHeadersAreInTheLeaf(t *testing.T) {
	require.True(t, transparency.Proved("Append-More"), "it says where a change ends")
	require.False(t, transparency.Proved("Nats-Batch-Id"))
	require.False(t, transparency.Proved("event-type"), "names are as they are written")
}

func TestTheOrderOfHeadersDoesNotMatter(t *testing.T) {
	one, other := entry(1), entry(1)
	other.Headers[0], other.Headers[2] = other.Headers[2], other.Headers[0]
	first, err := one.Leaf()
	require.NoError(t, err)
	second, err := other.Leaf()
	require.NoError(t, err)
	require.Equal(t, first, second)
}

func TestLongTextsStandApart(t *testing.T) {
	log := newLog(300)
	log.entries[7].Body = []byte(long)
	log.entries[8].Headers[0].Value = strings.Repeat("x", 5000)
	leaf, err := log.entries[7].Leaf()
	require.NoError(t, err)
	require.Less(t, len(leaf.Data), 1000)
	require.Equal(t, [][]byte{[]byte(long)}, leaf.Apart)

	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	var read []transparency.Entry
	require.NoError(t, keeping.copy(t).Entries(t.Context(), 7, 9, func(entry transparency.Entry) error {
		read = append(read, entry)
		return nil
	}))
	require.Equal(t, long, string(read[0].Body))
	require.Equal(t, log.entries[8].Headers[0].Value, read[1].Header("Event-Type"))
}

func TestAnEntryNobodyWritesHasNoLeaf(t *testing.T) {
	wild := entry(1)
	for range 70 {
		wild.Headers = append(wild.Headers, transparency.Header{Name: "Actor", Value: "ann"})
	}
	_, err := wild.Leaf()
	require.Error(t, err)
	wild = entry(1)
	wild.Subject = long
	_, err = wild.Leaf()
	require.Error(t, err)
}

// Third-party tools check our proofs: they know the tree, the index and the leaf.
func TestProofsVerifyElsewhere(t *testing.T) {
	log := newLog(1000)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	for _, sequence := range []uint64{1, 2, 255, 256, 257, 512, 999, 1000} {
		made, err := keeping.copy(t).Prove(log.entries[sequence-1])
		require.NoError(t, err)
		leaf, checkpoint, err := transparency.CheckProof(made, keeping.key(t))
		require.NoError(t, err)
		want, err := log.entries[sequence-1].Leaf()
		require.NoError(t, err)
		require.Equal(t, want.Data, leaf)

		var path [][]byte
		head, _, _ := strings.Cut(string(made), "\n\n")
		for _, line := range strings.Split(head, "\n")[3:] {
			hash, err := base64.StdEncoding.DecodeString(line)
			require.NoError(t, err)
			path = append(path, hash)
		}
		require.NoError(t, proof.VerifyInclusion(rfc6962.DefaultHasher, sequence-1, checkpoint.Size,
			rfc6962.DefaultHasher.HashLeaf(leaf), path, checkpoint.Root[:]))

		for _, broken := range [][]byte{
			replace(t, made, "\nindex ", "\nindex 1"), replace(t, made, "extra AAAA", "extra AAAB"),
			replace(t, made, "tlog-proof@v1", "tlog-proof@v2"), made[:len(made)-10],
		} {
			_, _, err = transparency.CheckProof(broken, keeping.key(t))
			require.Error(t, err)
		}
	}
	_, err := keeping.copy(t).Prove(entry(1001))
	require.ErrorContains(t, err, "not under the checkpoint")
	forged := entry(500)
	forged.Body = []byte(`{}`)
	_, err = keeping.copy(t).Prove(forged)
	damageAt(t, err, 500)
}

func TestABundleVerifiesByItself(t *testing.T) {
	log := newLog(600)
	log.entries[3].Body = []byte(long)
	log.entries[5].Body = []byte(long)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	log.grow(10)
	keeping.run(t, log)
	var out bytes.Buffer
	var seen uint64
	exported, err := transparency.Export(t.Context(), &out, log, keeping.Key(), keeping.published, nil, func(sequence uint64) { seen = sequence })
	require.NoError(t, err)
	require.Equal(t, uint64(610), exported.Size)
	require.Equal(t, uint64(610), seen)

	files, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	bundle, err := transparency.OpenCopy(files, keeping.key(t))
	require.NoError(t, err)
	notes, err := transparency.ArchivedCheckpoints(files)
	require.NoError(t, err)
	checkpoints := make([]transparency.Checkpoint, len(notes))
	for i, note := range notes {
		checkpoints[i], err = transparency.OpenCheckpoint(note, keeping.key(t))
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, len(checkpoints), 2)
	require.NoError(t, verify(t, bundle, checkpoints, bundle))
	own, err := fs.ReadFile(files, "key")
	require.NoError(t, err)
	require.Equal(t, keeping.Key()+"\n", string(own))
	_, err = bundle.Prove(log.entries[609])
	require.NoError(t, err)

	stranger := open(t, t.TempDir())
	_, err = transparency.OpenCopy(files, stranger.key(t))
	require.ErrorIs(t, err, transparency.ErrCheckpoint)
}

func TestAVerificationGoesOnFromATrustedCheckpoint(t *testing.T) {
	log := newLog(700)
	keeping := open(t, t.TempDir())
	keeping.run(t, log)
	trusted := keeping.Checkpoint()
	log.grow(500)
	keeping.run(t, log)
	resume := func() error {
		check, err := transparency.NewCheckFrom(trusted, keeping.published, keeping.copy(t))
		require.NoError(t, err)
		err = transparency.Scan(t.Context(), log, trusted.Size, 1200, none,
			func(entry transparency.Scanned[struct{}]) error { return check.Add(entry.Hash) })
		if err != nil {
			return err
		}
		require.Equal(t, uint64(1200), check.Proved())
		require.Equal(t, keeping.Checkpoint().Root, check.Root())
		return check.Finish()
	}
	require.NoError(t, resume())
	log.entries[800].Body = nil
	damageAt(t, resume(), 801)
}
