//go:build linux

// Package powercut is a file system in memory for tests, of which one can pull the plug.
// What it keeps is no more than what POSIX promises:
//
//   - the bytes of a file as they were when the file was last synced;
//   - the names in a directory as they were when the directory was last synced. A file
//     that was created, renamed or removed since is there under its old name, or not at
//     all, whatever was done to the file itself.
//
// It is mounted through FUSE, so that a whole program can be run on it.
package powercut

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk is what the files are on. It is safe for concurrent use.
type Disk struct {
	// SyncTakes is how long a sync of a file takes, for a slow disk.
	SyncTakes time.Duration

	mu    sync.Mutex
	nodes map[uint64]*node // by inode number; none is ever forgotten
	cut   bool
	full  bool
}

// node is a file or a directory, as it is and as it would be after a cut.
type node struct {
	number     uint64
	mode       uint32
	data, kept []byte
	dirtyFrom  int              // where data may differ from kept
	names      map[string]*node // of a directory; nil for a file
	keptNames  map[string]*node
	changed    time.Time
}

// New is an empty disk.
func New() *Disk {
	d := &Disk{nodes: make(map[uint64]*node)}
	d.newNode(syscall.S_IFDIR | 0o755)
	return d
}

func (d *Disk) newNode(mode uint32) *node {
	n := &node{number: uint64(len(d.nodes)) + fuse.FUSE_ROOT_ID, mode: mode, changed: time.Now()}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		n.names, n.keptNames = make(map[string]*node), make(map[string]*node)
	}
	d.nodes[n.number] = n
	return n
}

// Fill has every write refused, as by a disk without room, or accepted again.
func (d *Disk) Fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// Cut ends the power: from now on every access fails. It returns what the next start finds.
func (d *Disk) Cut() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
	after := &Disk{nodes: make(map[uint64]*node)}
	after.restore(d.nodes[fuse.FUSE_ROOT_ID], make(map[*node]*node))
	return after
}

// restore copies what is kept of a node and of all below it.
func (d *Disk) restore(old *node, done map[*node]*node) *node {
	if again, is := done[old]; is { // a file with two names
		return again
	}
	n := d.newNode(old.mode)
	done[old] = n
	n.kept = append([]byte(nil), old.kept...)
	n.data, n.dirtyFrom = append([]byte(nil), old.kept...), len(old.kept)
	for name, child := range old.keptNames {
		n.names[name] = d.restore(child, done)
	}
	n.keptNames = maps.Clone(n.names)
	return n
}

// Mount makes the disk visible below a directory of the test's own until the test ends or
// unmount is called. It skips the test where FUSE cannot be used.
func (d *Disk) Mount(t testing.TB) (dir string, unmount func()) {
	t.Helper()
	dir = t.TempDir()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skipf("a power cut cannot be played here: %v", err)
	}
	server, err := fuse.NewServer(&door{RawFileSystem: fuse.NewDefaultRawFileSystem(), disk: d}, dir, &fuse.MountOptions{
		DirectMount: true, FsName: "powercut", Name: "powercut", DisableXAttrs: true, DisableReadDirPlus: true, MaxWrite: 1 << 20,
	})
	if err != nil {
		t.Skipf("a power cut cannot be played here: mount: %v", err)
	}
	go server.Serve()
	unmount = sync.OnceFunc(func() { release(t, server, dir) })
	t.Cleanup(unmount)
	if err := server.WaitMount(); err != nil {
		unmount()
		t.Skipf("a power cut cannot be played here: mount: %v", err)
	}
	return dir, unmount
}

// release takes the mount away, at once or, if a dying process is still on it, as soon as
// that has gone.
func release(t testing.TB, server *fuse.Server, dir string) {
	for range 50 {
		if server.Unmount() == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) { // it is not mounted
		t.Error(fmt.Errorf("powercut: unmount %s: %w", dir, err))
	}
}

// write puts bytes into a file. synced is true for a file that was opened to be written
// through.
func (n *node) write(data []byte, at int, synced bool) {
	if grown := at + len(data); grown > len(n.data) {
		n.data = append(n.data, make([]byte, grown-len(n.data))...)
	}
	copy(n.data[at:], data)
	n.dirtyFrom = min(n.dirtyFrom, at)
	n.changed = time.Now()
	if synced {
		n.sync()
	}
}

func (n *node) truncate(size int) {
	if size > len(n.data) {
		n.write(nil, size, false)
		return
	}
	n.data = n.data[:size:size]
	n.dirtyFrom = min(n.dirtyFrom, size)
	n.changed = time.Now()
}

// sync keeps the bytes of a file, or the names in a directory, as they are.
func (n *node) sync() {
	if n.names != nil {
		n.keptNames = maps.Clone(n.names)
		return
	}
	from := min(n.dirtyFrom, len(n.kept), len(n.data))
	n.kept = append(n.kept[:from], n.data[from:]...)
	n.dirtyFrom = len(n.data)
}
