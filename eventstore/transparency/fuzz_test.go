package transparency_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

// knownKey is a key that is the same in every run, so that what a fuzzer found stays signed.
func knownKey(t testing.TB) (note.Signer, note.Verifier, string) {
	t.Helper()
	seed := sha256.Sum256([]byte("the key of the fuzz tests"))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	const name = "pushledger/fuzz"
	sum := sha256.Sum256(append([]byte(name+"\n\x01"), public...))
	line := func(data []byte) string {
		return name + "+" + hex.EncodeToString(sum[:4]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, data...))
	}
	secret := "PRIVATE+KEY+" + line(seed[:])
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	key, err := transparency.ParseKey(line(public))
	require.NoError(t, err)
	return signer, key, secret + "\n" + line(public) + "\n"
}

// signedLog is a log of so many entries with everything that is signed of it.
func signedLog(t testing.TB, count int) (*logOf, *keeper) {
	t.Helper()
	dir := t.TempDir()
	_, _, text := knownKey(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint.key"), []byte(text), 0o600))
	log := newLog(count)
	log.entries[2].Body = []byte(long)
	keeping := open(t, dir)
	keeping.run(t, log)
	require.NoError(t, keeping.Damage())
	return log, keeping
}

// FuzzOpenCheckpoint holds that a checkpoint has one spelling and cannot be read in two ways.
func FuzzOpenCheckpoint(f *testing.F) {
	signer, key, _ := knownKey(f)
	root := tlog.Hash{7}.String()
	for _, text := range []string{
		key.Name() + "\n5\n" + root + "\n", key.Name() + "\n5\n" + root + "\nextension\n", key.Name() + "\n05\n" + root + "\n",
		key.Name() + "\n9223372036854775807\n" + root + "\n", key.Name() + "\n-1\n" + root + "\n", "elsewhere\n5\n" + root + "\n",
		key.Name() + "\n5\n" + otherBits(root) + "\n", key.Name() + "\n5\n" + root[:8] + "\r" + root[8:] + "\n", "\n", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := transparency.OpenCheckpoint([]byte(text), key)
		require.ErrorIs(t, err, transparency.ErrCheckpoint, "nobody has signed it")
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return // no note
		}
		read, err := transparency.OpenCheckpoint(signed, key)
		if err != nil {
			require.ErrorIs(t, err, transparency.ErrCheckpoint)
			return
		}
		again := fmt.Sprintf("%s\n%d\n%s\n", read.Origin, read.Size, read.Root)
		require.True(t, strings.HasPrefix(text, again), "%q reads as %q", text, again)
		require.Less(t, read.Size, uint64(1)<<41)
	})
}

// otherBits is another spelling of the same hash.
func otherBits(hash string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := strings.IndexByte(alphabet, hash[len(hash)-2])
	return hash[:len(hash)-2] + string(alphabet[at^1]) + "="
}

// FuzzCheckProof holds that nothing proves anything but the proof itself, byte for byte.
func FuzzCheckProof(f *testing.F) {
	log, keeping := signedLog(f, 300)
	key := keeping.key(f)
	proved := make(map[string][]byte)
	for _, sequence := range []int{1, 5, 300} {
		proof, err := keeping.copy(f).Prove(log.entries[sequence-1])
		require.NoError(f, err)
		leaf, err := log.entries[sequence-1].Leaf()
		require.NoError(f, err)
		proved[string(leaf.Data)] = proof
		f.Add(proof)
		f.Add(bytes.Replace(proof, []byte("\nindex "), []byte("\nindex +"), 1))
		f.Add(bytes.Replace(proof, []byte("\nindex "), []byte("\nindex 0"), 1))
		f.Add(bytes.Replace(proof, []byte("\nextra "), []byte("\nextra \r"), 1))
	}
	f.Fuzz(func(t *testing.T, proof []byte) {
		leaf, checkpoint, err := transparency.CheckProof(proof, key)
		if err != nil {
			return
		}
		require.Equal(t, keeping.Checkpoint().Root, checkpoint.Root)
		signed := bytes.Index(proof, []byte("\n\n"))
		for data, known := range proved {
			if data == string(leaf) {
				require.Equal(t, string(known[:signed]), string(proof[:signed]), "a proof in other words")
				return
			}
		}
		t.Fatalf("%q is proved and was never signed", leaf)
	})
}

// FuzzCopy puts anything into the place of one file of a signed copy: the copy is found
// to be damaged, or it is the same log as before.
func FuzzCopy(f *testing.F) {
	log, keeping := signedLog(f, 270)
	whole := make(fstest.MapFS)
	root := os.DirFS(keeping.options().Dir)
	require.NoError(f, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			var data []byte
			data, err = fs.ReadFile(root, path)
			whole[path] = &fstest.MapFile{Data: data}
		}
		return err
	}))
	names := slices.Sorted(maps.Keys(whole))
	for i, name := range names {
		data := whole[name].Data
		f.Add(uint8(i), data)
		f.Add(uint8(i), data[len(data)/2:])
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		files := maps.Clone(whole)
		files[names[int(which)%len(names)]] = &fstest.MapFile{Data: data}
		kept, err := transparency.OpenCopy(files, keeping.key(t))
		if err != nil {
			return
		}
		check := transparency.NewCheck([]transparency.Checkpoint{kept.Checkpoint()}, kept)
		var read []transparency.Entry
		err = transparency.Scan(context.Background(), kept, 0, kept.Checkpoint().Size, none, func(entry transparency.Scanned[struct{}]) error {
			read = append(read, entry.Entry)
			return check.Add(entry.Hash)
		})
		if err == nil {
			err = check.Finish()
		}
		if err != nil {
			return
		}
		require.Len(t, read, len(log.entries))
		for i, entry := range read {
			is, err := entry.Leaf()
			require.NoError(t, err)
			was, err := log.entries[i].Leaf()
			require.NoError(t, err)
			require.Equal(t, was, is)
		}
	})
}

// FuzzParseKey holds that a key which is read is printed as the same key again.
func FuzzParseKey(f *testing.F) {
	_, _, text := knownKey(f)
	_, public, _ := strings.Cut(text, "\n")
	f.Add(public)
	f.Add("pushledger/x+00000000+AQ==")
	f.Add("+++")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := transparency.ParseKey(text)
		if err == nil {
			require.NotEmpty(t, key.Name())
			require.True(t, strings.HasPrefix(strings.TrimSpace(text), key.Name()+"+"))
		}
	})
}
