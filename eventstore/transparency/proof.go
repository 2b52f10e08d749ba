package transparency

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofFormat = "c2sp.org/tlog-proof@v1"
	maxProof    = 2*MaxLeaf + maxCheckpoint // bytes: the leaf in base64, a path of at most 63 hashes, and the checkpoint
)

// errProof means that bytes are no proof, or prove nothing.
var errProof = errors.New("transparency: not a valid " + proofFormat)

// Prove makes the proof, in the C2SP format tlog-proof, that an entry is under the copy's
// checkpoint. Its extra data is the leaf. An entry that is not what was signed is *Damage.
func (c *Copy) Prove(entry Entry) ([]byte, error) {
	if entry.Sequence == 0 || entry.Sequence > c.checkpoint.Size {
		return nil, fmt.Errorf("transparency: sequence %d is not under the checkpoint of size %d yet", entry.Sequence, c.checkpoint.Size)
	}
	leaf, err := entry.Leaf()
	if err != nil {
		return nil, err
	}
	size, index := int64(c.checkpoint.Size), int64(entry.Sequence-1) // #nosec G115 -- parsed as 63 bits
	path, err := tlog.ProveRecord(size, index, c.hashes())
	if err != nil {
		return nil, fmt.Errorf("transparency: prove %d: %w", entry.Sequence, err)
	}
	if err := tlog.CheckRecord(path, size, c.checkpoint.Root, index, leaf.Hash()); err != nil {
		return nil, damaged(entry.Sequence, "it is not the event that was signed")
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\nextra %s\nindex %d\n", proofFormat, base64.StdEncoding.EncodeToString(leaf.Data), index)
	for _, hash := range path {
		fmt.Fprintln(&text, base64.StdEncoding.EncodeToString(hash[:]))
	}
	fmt.Fprintln(&text)
	text.Write(c.checkpoint.Note)
	return text.Bytes(), nil
}

// CheckProof verifies a proof that Prove made and gives the leaf that it proves and the
// checkpoint under which it is.
func CheckProof(proof []byte, key note.Verifier) (leaf []byte, checkpoint Checkpoint, err error) {
	if len(proof) > maxProof {
		return nil, Checkpoint{}, fmt.Errorf("%w: more than %d bytes", errProof, maxProof)
	}
	head, signed, found := bytes.Cut(proof, []byte("\n\n"))
	lines := bytes.Split(head, []byte("\n"))
	if !found || len(lines) < 3 || string(lines[0]) != proofFormat {
		return nil, Checkpoint{}, errProof
	}
	extra, isExtra := bytes.CutPrefix(lines[1], []byte("extra "))
	number, isIndex := bytes.CutPrefix(lines[2], []byte("index "))
	index, err := strconv.ParseInt(string(number), 10, 64)
	if !isExtra || !isIndex || err != nil || strconv.FormatInt(index, 10) != string(number) {
		return nil, Checkpoint{}, errProof
	}
	if leaf, err = base64.StdEncoding.DecodeString(string(extra)); err != nil {
		return nil, Checkpoint{}, fmt.Errorf("%w: %w", errProof, err)
	}
	if base64.StdEncoding.EncodeToString(leaf) != string(extra) {
		return nil, Checkpoint{}, fmt.Errorf("%w: its extra data is in another spelling than its own", errProof)
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := parseHash(string(line))
		if err != nil {
			return nil, Checkpoint{}, fmt.Errorf("%w: %w", errProof, err)
		}
		path = append(path, hash)
	}
	if checkpoint, err = OpenCheckpoint(signed, key); err != nil {
		return nil, Checkpoint{}, err
	}
	err = tlog.CheckRecord(path, int64(checkpoint.Size), checkpoint.Root, index, tlog.RecordHash(leaf)) // #nosec G115 -- parsed as 63 bits
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("%w: %w", errProof, err)
	}
	return leaf, checkpoint, nil
}
