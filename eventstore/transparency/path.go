package transparency

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Names in the directory; see the C2SP document tlog-tiles.
const (
	checkpointPath = "checkpoint"
	keyPath        = "key" // the public key, as C2SP vkey
	sealPath       = "sealed"
	checkpointsDir = "checkpoints"
	tileHeight     = 8
	tileWidth      = 1 << tileHeight
	entriesLevel   = -1
)

// tilePath is where a tile is; level -1 is an entry bundle. A width below 256 is that of
// a tile which is not full yet.
func tilePath(level int, number int64, width int) string {
	path := tlog.Tile{H: tileHeight, L: level, N: number, W: width}.Path()
	path = strings.Replace(path, "tile/8/", "tile/", 1) // the height is always 8
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

// partialDir is where the tiles of less than full width are.
func partialDir(level int, number int64) string {
	return tilePath(level, number, tileWidth) + ".p"
}

// apartPath is where a text is that is too long for a leaf.
func apartPath(sum [sha256.Size]byte) string {
	name := hex.EncodeToString(sum[:])
	return "apart/" + name[:2] + "/" + name
}

// archivedPath is where a bundle keeps the checkpoint of a size.
func archivedPath(size uint64) string { return fmt.Sprintf("%s/%020d", checkpointsDir, size) }
