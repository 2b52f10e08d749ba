//go:build linux

package powercut

import (
	"cmp"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// known is how long the kernel may rely on what it was told: nobody else changes it.
const known = time.Hour

// door is the disk as the kernel sees it.
type door struct {
	fuse.RawFileSystem // refuses what is not below
	disk               *Disk
}

// at calls work with the node of a number, alone, unless the power is gone.
func (d *door) at(number uint64, work func(*node) fuse.Status) fuse.Status {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	n := d.disk.nodes[number]
	switch {
	case d.disk.cut:
		return fuse.EIO
	case n == nil:
		return fuse.ENOENT
	}
	return work(n)
}

func (n *node) attr() fuse.Attr {
	seconds, rest := uint64(n.changed.Unix()), uint32(n.changed.Nanosecond()) // #nosec G115 -- a time of today
	size := uint64(len(n.data))
	return fuse.Attr{
		Ino: n.number, Mode: n.mode, Nlink: 1, Size: size, Blocks: (size + 511) / 512, Blksize: 4096,
		Atime: seconds, Mtime: seconds, Ctime: seconds, Atimensec: rest, Mtimensec: rest, Ctimensec: rest,
	}
}

func (n *node) enter(out *fuse.EntryOut) fuse.Status {
	out.NodeId, out.Generation, out.Attr = n.number, 1, n.attr()
	out.SetEntryTimeout(known)
	out.SetAttrTimeout(known)
	return fuse.OK
}

// Lookup implements fuse.RawFileSystem, as do all below.
func (d *door) Lookup(_ <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	return d.at(header.NodeId, func(dir *node) fuse.Status {
		child, is := dir.names[name]
		if !is {
			return fuse.ENOENT
		}
		return child.enter(out)
	})
}

func (d *door) Forget(uint64, uint64) {}

func (d *door) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	return d.at(in.NodeId, func(n *node) fuse.Status {
		out.Attr = n.attr()
		out.SetTimeout(known)
		return fuse.OK
	})
}

func (d *door) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	return d.at(in.NodeId, func(n *node) fuse.Status {
		if size, is := in.GetSize(); is {
			n.truncate(int(size)) // #nosec G115 -- it is in memory
		}
		if mode, is := in.GetMode(); is {
			n.mode = n.mode&syscall.S_IFMT | mode&^syscall.S_IFMT
		}
		out.Attr = n.attr()
		out.SetTimeout(known)
		return fuse.OK
	})
}

func (d *door) make(parent uint64, name string, mode uint32, out *fuse.EntryOut) fuse.Status {
	return d.at(parent, func(dir *node) fuse.Status {
		if dir.names[name] != nil {
			return fuse.Status(syscall.EEXIST)
		}
		dir.names[name] = d.disk.newNode(mode)
		return dir.names[name].enter(out)
	})
}

func (d *door) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return d.make(in.NodeId, name, syscall.S_IFDIR|in.Mode, out)
}

func (d *door) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	out.Fh, out.OpenFlags = uint64(in.Flags), fuse.FOPEN_KEEP_CACHE
	return d.make(in.NodeId, name, syscall.S_IFREG|in.Mode, &out.EntryOut)
}

func (d *door) Unlink(_ <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	return d.remove(header, name, false)
}

func (d *door) Rmdir(_ <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	return d.remove(header, name, true)
}

func (d *door) remove(header *fuse.InHeader, name string, directory bool) fuse.Status {
	return d.at(header.NodeId, func(dir *node) fuse.Status {
		child, is := dir.names[name]
		switch {
		case !is:
			return fuse.ENOENT
		case directory && len(child.names) > 0:
			return fuse.Status(syscall.ENOTEMPTY)
		}
		delete(dir.names, name)
		return fuse.OK
	})
}

func (d *door) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	if in.Flags != 0 {
		return fuse.EINVAL
	}
	return d.at(in.NodeId, func(dir *node) fuse.Status {
		child, target := dir.names[from], d.disk.nodes[in.Newdir]
		if child == nil || target == nil {
			return fuse.ENOENT
		}
		if taken := target.names[to]; taken != nil && len(taken.names) > 0 {
			return fuse.Status(syscall.ENOTEMPTY)
		}
		delete(dir.names, from)
		target.names[to] = child
		return fuse.OK
	})
}

func (d *door) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	return d.at(in.NodeId, func(dir *node) fuse.Status {
		if dir.names[name] != nil {
			return fuse.Status(syscall.EEXIST)
		}
		dir.names[name] = d.disk.nodes[in.Oldnodeid]
		return dir.names[name].enter(out)
	})
}

func (d *door) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return d.at(in.NodeId, func(n *node) fuse.Status {
		if in.Flags&syscall.O_TRUNC != 0 {
			n.truncate(0)
		}
		out.Fh, out.OpenFlags = uint64(in.Flags), fuse.FOPEN_KEEP_CACHE
		return fuse.OK
	})
}

func (d *door) Read(_ <-chan struct{}, in *fuse.ReadIn, buffer []byte) (fuse.ReadResult, fuse.Status) {
	read := 0
	status := d.at(in.NodeId, func(n *node) fuse.Status {
		if in.Offset < uint64(len(n.data)) {
			read = copy(buffer, n.data[in.Offset:])
		}
		return fuse.OK
	})
	return fuse.ReadResultData(buffer[:read]), status
}

func (d *door) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	through := in.Fh&(syscall.O_SYNC|syscall.O_DSYNC) != 0
	status := d.at(in.NodeId, func(n *node) fuse.Status {
		if d.disk.full {
			return fuse.Status(syscall.ENOSPC)
		}
		n.write(data, int(in.Offset), through) // #nosec G115 -- it is in memory
		return fuse.OK
	})
	return uint32(len(data)), status // #nosec G115 -- as much as the kernel sends at once
}

func (d *door) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	time.Sleep(d.disk.SyncTakes)
	return d.at(in.NodeId, func(n *node) fuse.Status { n.sync(); return fuse.OK })
}

func (d *door) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return d.at(in.NodeId, func(n *node) fuse.Status { n.sync(); return fuse.OK })
}

func (d *door) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }

func (d *door) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return d.at(in.NodeId, func(dir *node) fuse.Status {
		names := slices.SortedFunc(maps.Keys(dir.names), func(a, b string) int {
			return cmp.Or(cmp.Compare(dir.names[a].number, dir.names[b].number), cmp.Compare(a, b))
		})
		for _, name := range names {
			child := dir.names[name]
			if child.number > in.Offset && !out.AddDirEntry(fuse.DirEntry{Name: name, Ino: child.number, Mode: child.mode, Off: child.number}) {
				break
			}
		}
		return fuse.OK
	})
}

func (d *door) ReleaseDir(*fuse.ReleaseIn) {}

func (d *door) Release(<-chan struct{}, *fuse.ReleaseIn) {}

func (d *door) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

func (d *door) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 255
	out.Blocks, out.Bfree, out.Bavail = 1<<20, 1<<20, 1<<20
	return fuse.OK
}
