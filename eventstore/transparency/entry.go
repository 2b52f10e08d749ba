package transparency

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Bounds of a leaf. What is longer than they allow stands in the leaf by its SHA-256 and
// in the directory as a file of its own.
const (
	// MaxLeaf is what the entry bundles of tlog-tiles can hold, in bytes.
	MaxLeaf = 1<<16 - 1

	maxInlineHeader = 1 << 10
	maxInlineBody   = 48 << 10
	maxHeaders      = 64

	// maxApart is what all texts apart from one leaf may have, in bytes: no message of
	// the log is longer. Without it a small file could ask for any amount of memory.
	maxApart = 4 << 20
)

const leafFormat = "pushledger/event/v1"

// How a text stands in a leaf.
const (
	formInline byte = 0
	formDigest byte = 1
)

// headers are the ones that readers of the log rely on, and so a part of the leaf. What
// the server adds and the bookkeeping of batches are not.
var headers = []string{
	"Actor", "Append-More", "Command-Hash", "Command-Id", "Event-Type", "Event-Version", "Nats-Msg-Id", "Origin", "traceparent",
}

// Proved reports whether a header is a part of the leaf.
func Proved(name string) bool { return slices.Contains(headers, name) }

// Header is one header of an entry.
type Header struct{ Name, Value string }

// Entry is one stored event as its leaf sees it.
type Entry struct {
	Stream   string // name of the JetStream stream
	Subject  string
	Sequence uint64    // from 1
	Time     time.Time // when it was first stored, to the nanosecond, from 1970
	Headers  []Header  // those that are Proved; several of one name keep their order
	Body     []byte    // as stored
}

// Header gives the first value of a header, empty if there is none.
func (e Entry) Header(name string) string {
	for _, header := range e.Headers {
		if header.Name == name {
			return header.Value
		}
	}
	return ""
}

// Leaf is the encoding of an entry that is hashed.
type Leaf struct {
	Data  []byte   // at most MaxLeaf bytes
	Apart [][]byte // what stands in Data by its SHA-256 only
}

// Hash is the leaf's hash in the tree.
func (l Leaf) Hash() tlog.Hash { return tlog.RecordHash(l.Data) }

// Leaf encodes an entry. It fails on an entry that no writer of the ledger makes.
func (e Entry) Leaf() (Leaf, error) {
	proved := e.Headers
	if byName := func(a, b Header) int { return strings.Compare(a.Name, b.Name) }; !slices.IsSortedFunc(proved, byName) {
		proved = slices.Clone(proved)
		slices.SortStableFunc(proved, byName)
	}
	nanoseconds := e.Time.UnixNano()
	if nanoseconds < 0 || len(proved) > maxHeaders {
		return Leaf{}, fmt.Errorf("transparency: sequence %d has %d headers and the time %s", e.Sequence, len(proved), e.Time)
	}
	leaf := Leaf{Data: make([]byte, 0, min(len(e.Body), maxInlineBody)+640)}
	leaf.Data = appendBytes(leaf.Data, leafFormat)
	leaf.Data = appendBytes(leaf.Data, e.Stream)
	leaf.Data = appendBytes(leaf.Data, e.Subject)
	leaf.Data = binary.BigEndian.AppendUint64(leaf.Data, e.Sequence)
	leaf.Data = binary.BigEndian.AppendUint64(leaf.Data, uint64(nanoseconds))
	leaf.Data = binary.BigEndian.AppendUint32(leaf.Data, uint32(len(proved))) // #nosec G115 -- bounded above
	for _, header := range proved {
		leaf.Data = appendBytes(leaf.Data, header.Name)
		appendText(&leaf, header.Value, maxInlineHeader)
	}
	appendText(&leaf, e.Body, maxInlineBody)
	if len(leaf.Data) > MaxLeaf {
		return Leaf{}, fmt.Errorf("transparency: sequence %d makes a leaf of %d bytes, more than %d", e.Sequence, len(leaf.Data), MaxLeaf)
	}
	return leaf, nil
}

func appendBytes[T string | []byte](data []byte, text T) []byte {
	data = binary.BigEndian.AppendUint32(data, uint32(len(text))) // #nosec G115 -- whoever calls bounds it
	return append(data, text...)
}

func appendText[T string | []byte](leaf *Leaf, text T, longest int) {
	if len(text) <= longest {
		leaf.Data = appendBytes(append(leaf.Data, formInline), text)
		return
	}
	sum := sha256.Sum256([]byte(text))
	leaf.Data = appendBytes(append(leaf.Data, formDigest), sum[:])
	leaf.Apart = append(leaf.Apart, []byte(text))
}

// errLeaf means that bytes are no leaf.
var errLeaf = errors.New("transparency: not a leaf of " + leafFormat)

// decodeLeaf reads what Entry.Leaf wrote and nothing else: no two encodings are the
// same entry. apart finds a text by its SHA-256.
func decodeLeaf(data []byte, apart func(sum [sha256.Size]byte) ([]byte, error)) (Entry, error) {
	read := leafReader{rest: data, apart: apart}
	if read.bytes() != leafFormat {
		return Entry{}, errLeaf
	}
	entry := Entry{Stream: read.bytes(), Subject: read.bytes(), Sequence: read.uint64()}
	entry.Time = time.Unix(0, int64(read.uint64())).UTC() // #nosec G115 -- encoding again shows a negative one
	count := read.uint32()
	if count > maxHeaders {
		return Entry{}, errLeaf
	}
	for range count {
		entry.Headers = append(entry.Headers, Header{Name: read.bytes(), Value: string(read.text())})
	}
	entry.Body = read.text()
	if read.err != nil {
		return Entry{}, read.err
	}
	again, err := entry.Leaf()
	if err != nil {
		return Entry{}, err
	}
	if string(again.Data) != string(data) {
		return Entry{}, errLeaf
	}
	return entry, nil
}

// leafReader reads the parts of a leaf; its first error stays.
type leafReader struct {
	rest  []byte
	apart func([sha256.Size]byte) ([]byte, error)
	far   int // bytes of texts apart so far
	err   error
}

func (r *leafReader) take(count int) []byte {
	if r.err != nil || count > len(r.rest) {
		if r.err == nil {
			r.err = errLeaf
		}
		return make([]byte, min(count, 8))
	}
	taken := r.rest[:count]
	r.rest = r.rest[count:]
	return taken
}

func (r *leafReader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *leafReader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *leafReader) bytes() string {
	count := r.uint32()
	if count > MaxLeaf {
		r.err = errLeaf
		return ""
	}
	return string(r.take(int(count)))
}

func (r *leafReader) text() []byte {
	form := r.take(1)[0]
	text := []byte(r.bytes())
	if r.err != nil || form == formInline {
		return text
	}
	if form != formDigest || len(text) != sha256.Size {
		r.err = errLeaf
		return nil
	}
	var sum [sha256.Size]byte
	copy(sum[:], text)
	whole, err := r.apart(sum)
	switch r.far += len(whole); {
	case err != nil:
	case r.far > maxApart:
		err = fmt.Errorf("transparency: the texts apart from one leaf have more than %d bytes", maxApart)
	case sha256.Sum256(whole) != sum:
		err = fmt.Errorf("transparency: the text apart %x is damaged", sum)
	}
	r.err = err
	return whole
}
