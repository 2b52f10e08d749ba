package transparency

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right edge of a growing tree, all that is needed to add leaves and to know
// the root. At each level of tiles it holds the hashes of the tile that is not full yet;
// there are less than 256 of them.
type edge struct {
	size   uint64
	levels [][]tlog.Hash
}

// add takes the hash of the next leaf. full, if not nil, gets each tile that it fills.
func (e *edge) add(hash tlog.Hash, full func(level int, number int64, hashes []tlog.Hash)) {
	number := int64(e.size) // #nosec G115 -- a log has less than 2^63 entries
	e.size++
	for level := 0; ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, make([]tlog.Hash, 0, tileWidth))
		}
		e.levels[level] = append(e.levels[level], hash)
		if len(e.levels[level]) < tileWidth {
			return
		}
		number /= tileWidth
		if full != nil {
			full(level, number, e.levels[level])
		}
		hash = perfect(e.levels[level])
		e.levels[level] = e.levels[level][:0]
	}
}

// perfect is the root over a number of hashes that is a power of two.
func perfect(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(perfect(hashes[:half]), perfect(hashes[half:]))
}

// root is the tree's hash. The tree is made of perfect subtrees, each smaller than the
// one to its left; they are joined from the right.
func (e *edge) root() tlog.Hash {
	if e.size == 0 {
		return tlog.Hash(sha256.Sum256(nil))
	}
	var root tlog.Hash
	empty := true
	for _, hashes := range e.levels {
		for len(hashes) > 0 {
			width := 1 << bits.TrailingZeros(uint(len(hashes)))
			part := perfect(hashes[len(hashes)-width:])
			hashes = hashes[:len(hashes)-width]
			if empty {
				root, empty = part, false
			} else {
				root = tlog.NodeHash(part, root)
			}
		}
	}
	return root
}

// partial calls each with every tile that is begun but not full.
func (e *edge) partial(each func(level int, number int64, hashes []tlog.Hash)) {
	for level, hashes := range e.levels {
		if len(hashes) > 0 {
			each(level, int64(e.size>>(tileHeight*(level+1))), hashes) // #nosec G115 -- a log has less than 2^63 entries
		}
	}
}

func joinHashes(hashes []tlog.Hash) []byte {
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, hash := range hashes {
		data = append(data, hash[:]...)
	}
	return data
}

// builder turns leaves into the files of a directory.
type builder struct {
	edge   edge
	bundle []byte // of the leaves that fill no bundle yet
	// put takes a file's path and content; it keeps the content.
	put func(path string, data []byte)
}

func (b *builder) add(leaf Leaf, hash tlog.Hash) {
	for _, text := range leaf.Apart {
		b.put(apartPath(sha256.Sum256(text)), text)
	}
	if b.bundle == nil { // room for as many entries like this one as it will hold
		b.bundle = make([]byte, 0, tileWidth*(len(leaf.Data)+2))
	}
	b.bundle = appendBundle(b.bundle, leaf.Data)
	b.edge.add(hash, func(level int, number int64, hashes []tlog.Hash) {
		b.put(tilePath(level, number, tileWidth), joinHashes(hashes))
		if level == 0 {
			b.put(tilePath(entriesLevel, number, tileWidth), b.bundle)
			b.bundle = nil
		}
	})
}

// begun gives the files of the tiles and the bundle that are not full.
func (b *builder) begun() {
	b.edge.partial(func(level int, number int64, hashes []tlog.Hash) {
		b.put(tilePath(level, number, len(hashes)), joinHashes(hashes))
		if level == 0 {
			b.put(tilePath(entriesLevel, number, len(hashes)), append([]byte(nil), b.bundle...))
		}
	})
}

func appendBundle(bundle, leaf []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(leaf))) // #nosec G115 -- at most MaxLeaf
	return append(bundle, leaf...)
}

// splitBundle cuts an entry bundle into leaves.
func splitBundle(data []byte, width int) ([][]byte, error) {
	leaves := make([][]byte, 0, width)
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("transparency: an entry bundle ends in the middle")
		}
		length := int(binary.BigEndian.Uint16(data))
		if data = data[2:]; length > len(data) {
			return nil, fmt.Errorf("transparency: an entry bundle ends in the middle")
		}
		leaves, data = append(leaves, data[:length]), data[length:]
	}
	if len(leaves) != width {
		return nil, fmt.Errorf("transparency: an entry bundle has %d entries, not %d", len(leaves), width)
	}
	return leaves, nil
}
