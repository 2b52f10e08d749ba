package transparency

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

var errPacked = errors.New("transparency: not packed entries")

// AppendPacked adds an entry to data as it travels from a service to an auditor: the
// leaf, then the texts that stand apart from it, each behind its length in four bytes,
// with their number in between.
func AppendPacked(data []byte, entry Entry) ([]byte, error) {
	leaf, err := entry.Leaf()
	if err != nil {
		return nil, err
	}
	data = appendBytes(data, leaf.Data)
	data = binary.BigEndian.AppendUint32(data, uint32(len(leaf.Apart))) // #nosec G115 -- at most one a header and the body
	for _, text := range leaf.Apart {
		data = appendBytes(data, text)
	}
	return data, nil
}

// ReadPacked reads all entries that AppendPacked has added.
func ReadPacked(data []byte) ([]Entry, error) {
	var entries []Entry
	for len(data) > 0 {
		leaf, rest, err := cutLong(data)
		if err != nil || len(rest) < 4 {
			return nil, errPacked
		}
		count := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		apart := make(map[[sha256.Size]byte][]byte)
		for range min(count, maxHeaders+1) {
			var text []byte
			if text, rest, err = cutLong(rest); err != nil {
				return nil, err
			}
			apart[sha256.Sum256(text)] = text
		}
		entry, err := decodeLeaf(leaf, func(sum [sha256.Size]byte) ([]byte, error) {
			text, found := apart[sum]
			if !found {
				return nil, errPacked
			}
			return text, nil
		})
		if err != nil {
			return nil, err
		}
		entries, data = append(entries, entry), rest
	}
	return entries, nil
}

func cutLong(data []byte) (text, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errPacked
	}
	length := binary.BigEndian.Uint32(data)
	if data = data[4:]; uint64(length) > uint64(len(data)) {
		return nil, nil, errPacked
	}
	return data[:length], data[length:], nil
}
