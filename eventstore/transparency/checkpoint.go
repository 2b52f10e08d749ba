package transparency

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/pushledger/pushledger/eventstore/durablefile"
	"github.com/pushledger/pushledger/eventstore/secretfile"
)

// Checkpoint says what the log was when it had Size entries.
type Checkpoint struct {
	Origin string // name of the log, which is the name of its key
	Size   uint64
	Root   tlog.Hash
	Note   []byte // signed; see the C2SP document tlog-checkpoint
}

// Bounds of a checkpoint.
const (
	maxCheckpoint = 64 << 10 // bytes, witnesses' signatures included
	maxKey        = 4 << 10  // bytes of a file with a key
	maxSize       = 1 << 40  // entries: more than a log ever has, and nothing that is computed from it overflows
)

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// OpenCheckpoint reads a checkpoint and checks that the key has signed it. It returns
// ErrCheckpoint otherwise. Signatures by other keys, such as witnesses', may stand
// beside it.
func OpenCheckpoint(signed []byte, key note.Verifier) (Checkpoint, error) {
	if len(signed) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%w: more than %d bytes", ErrCheckpoint, maxCheckpoint)
	}
	opened, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	lines := strings.SplitN(opened.Text, "\n", 4) // what follows is for extensions
	if len(lines) != 4 || lines[0] != key.Name() {
		return Checkpoint{}, fmt.Errorf("%w: it is not of the log %q", ErrCheckpoint, key.Name())
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || size > maxSize || strconv.FormatUint(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("%w: its size is %.30q", ErrCheckpoint, lines[1])
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: its root: %w", ErrCheckpoint, err)
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root, Note: signed}, nil
}

// parseHash reads a hash in its one spelling. Base64 has several: with line breaks, and
// with other bits behind the last byte.
func parseHash(text string) (tlog.Hash, error) {
	hash, err := tlog.ParseHash(text)
	if err == nil && hash.String() != text {
		err = errors.New("a hash in another spelling than its own")
	}
	return hash, err
}

// signCheckpoint makes the checkpoint of a tree.
func signCheckpoint(signer note.Signer, size uint64, root tlog.Hash) (Checkpoint, error) {
	checkpoint := Checkpoint{Origin: signer.Name(), Size: size, Root: root}
	signed, err := note.Sign(&note.Note{Text: checkpoint.text()}, signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("transparency: sign checkpoint: %w", err)
	}
	checkpoint.Note = signed
	return checkpoint, nil
}

// ParseKey reads a public key as the service prints it (a C2SP vkey:
// name+hash+base64).
func ParseKey(text string) (note.Verifier, error) {
	key, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("transparency: public key: %w", err) // without the text: it may be the secret one by mistake
	}
	return key, nil
}

// openSigner reads the secret key that signs checkpoints, or makes one if there may not
// be one yet. The file holds the secret key and, on a line of its own, the public one.
func openSigner(path string, mayMake bool) (note.Signer, string, error) {
	text, err := secretfile.Read(path, maxKey)
	if errors.Is(err, fs.ErrNotExist) {
		if !mayMake {
			return nil, "", fmt.Errorf("transparency: checkpoints exist, but the key %s that signed them is gone: bring it back", path)
		}
		text, err = makeKey(path)
	}
	if err != nil {
		return nil, "", fmt.Errorf("transparency: checkpoint key: %w", err)
	}
	secret, public, _ := bytes.Cut(text, []byte("\n"))
	signer, err := note.NewSigner(string(secret))
	if err != nil {
		return nil, "", fmt.Errorf("transparency: checkpoint key %s: %w", path, err)
	}
	key, err := ParseKey(string(public))
	if err != nil {
		return nil, "", err
	}
	if key.Name() != signer.Name() || key.KeyHash() != signer.KeyHash() {
		return nil, "", fmt.Errorf("transparency: checkpoint key %s: its lines are of two keys", path)
	}
	return signer, strings.TrimSpace(string(public)), nil
}

// makeKey makes a key for a log whose name no other log has.
func makeKey(path string) ([]byte, error) {
	name := make([]byte, 8)
	if _, err := rand.Read(name); err != nil {
		return nil, err
	}
	secret, public, err := note.GenerateKey(rand.Reader, "pushledger/"+hex.EncodeToString(name))
	if err != nil {
		return nil, err
	}
	text := []byte(secret + "\n" + public + "\n")
	return text, durablefile.Write(path, text)
}
