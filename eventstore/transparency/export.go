package transparency

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Export writes a bundle: a zip of the log's entries and tiles as far as the newest of
// the checkpoints, of all checkpoints, and of the public key. The entries are read from
// the log and held against the checkpoints on the way; progress is told of each.
func Export(
	ctx context.Context, out io.Writer, log Source, key string, checkpoints []Checkpoint, signed *Copy, progress func(sequence uint64),
) (Checkpoint, error) {
	check := NewCheck(checkpoints, signed)
	if len(check.checkpoints) == 0 {
		return Checkpoint{}, fmt.Errorf("%w: there is none to export", ErrCheckpoint)
	}
	newest := check.checkpoints[len(check.checkpoints)-1]
	bundle := bundleWriter{zip: zip.NewWriter(out)}
	building := builder{put: bundle.add}
	all := check.checkpoints
	err := Scan(ctx, log, 0, newest.Size, nothing, func(entry Scanned[struct{}]) error {
		building.add(entry.Leaf, entry.Hash)
		progress(entry.Sequence)
		if bundle.err != nil {
			return bundle.err
		}
		return check.Add(entry.Hash)
	})
	if err != nil {
		return Checkpoint{}, err
	}
	if err := check.Finish(); err != nil {
		return Checkpoint{}, err
	}
	building.begun()
	for _, checkpoint := range all {
		bundle.add(archivedPath(checkpoint.Size), checkpoint.Note)
	}
	bundle.add(keyPath, []byte(key+"\n"))
	bundle.add(checkpointPath, newest.Note)
	return newest, bundle.close()
}

func nothing(Entry) (struct{}, error) { return struct{}{}, nil }

// bundleWriter keeps its first error. A file that it has already is not added again.
type bundleWriter struct {
	zip  *zip.Writer
	seen map[string]bool // of what may come twice: texts apart and checkpoints
	err  error
}

func (b *bundleWriter) add(name string, data []byte) {
	if b.err != nil || b.seen[name] {
		return
	}
	if !strings.HasPrefix(name, "tile/") {
		if b.seen == nil {
			b.seen = make(map[string]bool)
		}
		b.seen[name] = true
	}
	file, err := b.zip.Create(name)
	if err == nil {
		_, err = file.Write(data)
	}
	b.err = err
}

func (b *bundleWriter) close() error {
	if err := b.zip.Close(); b.err == nil {
		b.err = err
	}
	if b.err != nil {
		return fmt.Errorf("transparency: write bundle: %w", b.err)
	}
	return nil
}

// maxArchived bounds the checkpoints of a bundle, in bytes of all together.
const maxArchived = 256 << 20

// ArchivedCheckpoints reads every checkpoint of an exported bundle, smallest first.
// Nothing of them has been verified.
func ArchivedCheckpoints(files fs.FS) ([][]byte, error) {
	names, err := fs.Glob(files, path.Join(checkpointsDir, "*"))
	if err != nil {
		return nil, fmt.Errorf("transparency: %w", err)
	}
	notes := make([][]byte, len(names))
	left := maxArchived
	for i, name := range names {
		if notes[i], err = readFile(files, name, min(left, maxCheckpoint)); err != nil {
			return nil, err
		}
		left -= len(notes[i])
	}
	return notes, nil
}
