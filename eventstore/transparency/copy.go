package transparency

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Copy is a log in the layout of tlog-tiles: the directory that the service keeps, one
// that was copied from it, or an exported bundle. Nothing in it is believed but what the
// checkpoint vouches for. It is a Source.
type Copy struct {
	files      fs.FS
	checkpoint Checkpoint
}

var _ Source = (*Copy)(nil)

// OpenCopy opens a copy at its newest checkpoint, which the key must have signed.
func OpenCopy(files fs.FS, key note.Verifier) (*Copy, error) {
	signed, err := readFile(files, checkpointPath, maxCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("transparency: checkpoint: %w", err)
	}
	checkpoint, err := OpenCheckpoint(signed, key)
	if err != nil {
		return nil, err
	}
	return &Copy{files: files, checkpoint: checkpoint}, nil
}

// NamedKey is the public key that files in the layout of a Copy name themselves, which
// nobody vouches for.
func NamedKey(files fs.FS) (string, error) {
	text, err := readFile(files, keyPath, maxKey)
	return strings.TrimSpace(string(text)), err
}

// Checkpoint is the newest one of the copy.
func (c *Copy) Checkpoint() Checkpoint { return c.checkpoint }

// LastSequence implements Source.
func (c *Copy) LastSequence(context.Context) (uint64, error) { return c.checkpoint.Size, nil }

// Entries implements Source. The entries are what the bundles say; LeafHashes says what
// was signed.
func (c *Copy) Entries(ctx context.Context, after, upTo uint64, handle func(Entry) error) error {
	for after < min(upTo, c.checkpoint.Size) {
		leaves, err := c.bundle(after / tileWidth)
		if err != nil {
			return damaged(after+1, "%v", err)
		}
		for _, data := range leaves[after%tileWidth:] {
			entry, err := decodeLeaf(data, c.apart)
			if err == nil && entry.Sequence != after+1 {
				err = fmt.Errorf("the entry in its place says that it is %d", entry.Sequence)
			}
			if err != nil {
				return damaged(after+1, "%v", err)
			}
			if err := errors.Join(ctx.Err(), handle(entry)); err != nil {
				return err
			}
			if after++; after == upTo {
				return nil
			}
		}
	}
	return nil
}

// width is how many leaves of a tile at level 0 the checkpoint covers.
func (c *Copy) width(number uint64) int {
	return int(min(c.checkpoint.Size-number*tileWidth, tileWidth)) // #nosec G115 -- at most 256
}

func (c *Copy) bundle(number uint64) ([][]byte, error) {
	data, width, err := c.read(entriesLevel, int64(number), c.width(number)) // #nosec G115 -- a log has less than 2^63 entries
	if err != nil {
		return nil, err
	}
	leaves, err := splitBundle(data, width)
	if err != nil {
		return nil, err
	}
	return leaves[:c.width(number)], nil
}

// read gives a tile and how wide it is: as wide as asked for, or full, since the tiles
// that are not full go away once there is one that is.
func (c *Copy) read(level int, number int64, width int) ([]byte, int, error) {
	longest := tileWidth * tlog.HashSize
	if level == entriesLevel {
		longest = maxBundle
	}
	data, err := readFile(c.files, tilePath(level, number, width), longest)
	if errors.Is(err, fs.ErrNotExist) && width < tileWidth {
		width = tileWidth
		data, err = readFile(c.files, tilePath(level, number, width), longest)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("transparency: %w", err)
	}
	return data, width, nil
}

func (c *Copy) apart(sum [sha256.Size]byte) ([]byte, error) {
	return readFile(c.files, apartPath(sum), maxApart)
}

// LeafHashes gives the hashes of up to count leaves that follow a sequence, as the
// checkpoint vouches for them.
func (c *Copy) LeafHashes(after uint64, count int) ([]tlog.Hash, error) {
	count = int(min(uint64(count), c.checkpoint.Size-after)) // #nosec G115 -- of a caller's own choosing
	indexes := make([]int64, count)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, int64(after)+int64(i)) // #nosec G115 -- a log has less than 2^63 entries
	}
	hashes, err := c.hashes().ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("transparency: tiles: %w", err)
	}
	return hashes, nil
}

// hashes reads any hash of the tree, held against the root.
func (c *Copy) hashes() tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: int64(c.checkpoint.Size), Hash: c.checkpoint.Root}, tiles{c}) // #nosec G115 -- parsed as 63 bits
}

// tiles is the copy's tlog.TileReader.
type tiles struct{ copy *Copy }

// Height implements tlog.TileReader.
func (tiles) Height() int { return tileHeight }

// ReadTiles implements tlog.TileReader.
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		data, width, err := t.copy.read(tile.L, tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		if len(data) != width*tlog.HashSize {
			return nil, fmt.Errorf("transparency: %s has %d bytes", tilePath(tile.L, tile.N, width), len(data))
		}
		found[i] = data[:tile.W*tlog.HashSize]
	}
	return found, nil
}

// SaveTiles implements tlog.TileReader.
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// edge is the right edge of the tree, to go on from.
func (c *Copy) edge() (edge, error) {
	loaded := edge{size: c.checkpoint.Size}
	for level, rest := 0, c.checkpoint.Size; rest > 0; level, rest = level+1, rest/tileWidth {
		hashes, err := c.readHashes(level, int64(rest/tileWidth), int(rest%tileWidth)) // #nosec G115 -- a log has less than 2^63 entries
		if err != nil {
			return edge{}, err
		}
		loaded.levels = append(loaded.levels, hashes)
	}
	if loaded.root() != c.checkpoint.Root {
		return edge{}, fmt.Errorf("transparency: the tiles are not those of the checkpoint of size %d", c.checkpoint.Size)
	}
	return loaded, nil
}

func (c *Copy) readHashes(level int, number int64, width int) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, tileWidth)
	if width == 0 {
		return hashes, nil
	}
	data, err := tiles{c}.ReadTiles([]tlog.Tile{{H: tileHeight, L: level, N: number, W: width}})
	if err != nil {
		return nil, err
	}
	for at := 0; at < width; at++ {
		hashes = append(hashes, tlog.Hash(data[0][at*tlog.HashSize:]))
	}
	return hashes, nil
}

// begunBundle is the entry bundle that is not full, held against the hashes of its tile.
func (c *Copy) begunBundle(hashes []tlog.Hash) ([]byte, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	leaves, err := c.bundle(c.checkpoint.Size / tileWidth)
	if err != nil {
		return nil, err
	}
	var data []byte
	for i, leaf := range leaves {
		if tlog.RecordHash(leaf) != hashes[i] {
			return nil, fmt.Errorf("transparency: entry %d of the last bundle is not the one that was signed", i)
		}
		data = appendBundle(data, leaf)
	}
	return data, nil
}
