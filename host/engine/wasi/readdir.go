package wasi

import (
	"encoding/binary"
	"path"
)

// fdReaddir writes the entries of a directory, each a $dirent and its name,
// from the one with number cookie on: 0 is ".", 1 is "..", the others follow
// in the order of their names. It fills the buffer; the last entry may be
// cut off, and a buffer that is not full says that there are no more.
//
//	fd_readdir(fd, buf_ptr, buf_len i32, cookie i64, result_ptr i32) errno
//
// It writes the number of bytes at result_ptr.
//
// Errors: EBADF, ENOTDIR, EFAULT, EIO.
func fdReaddir(c *call) (errno, error) {
	buf, ok := c.mem.bytes(c.u32(1), c.u32(2))
	if !ok {
		return errFault, nil
	}
	if _, ok := c.mem.bytes(c.u32(4), 4); !ok {
		return errFault, nil
	}
	cookie := c.u64(3)
	f := c.sys.own(c.u32(0))
	switch {
	case f == nil:
		return errBadFD, nil
	case f.kind != directoryFile:
		return errNotDir, nil
	}
	if f.entries == nil || cookie == 0 {
		entries, err := c.sys.FS.list(f.path)
		if err != nil {
			return errnoOf(err), nil
		}
		f.entries = entries
	}
	used := 0
	for used < len(buf) && cookie < uint64(len(f.entries))+2 {
		used += putDirent(buf[used:], f, cookie)
		cookie++
	}
	c.mem.putU32(c.u32(4), uint32(used))
	return success, nil
}

// putDirent writes as much of entry i as fits and returns how much that was.
func putDirent(buf []byte, f *file, i uint64) int {
	name, typ, at := ".", typeDirectory, f.path
	switch i {
	case 0:
	case 1:
		name, at = "..", path.Dir(f.path)
	default:
		e := f.entries[i-2]
		name, at = e.Name(), path.Join(f.path, e.Name())
		typ = filetypeOf(e.Type())
	}
	var head [direntSize]byte
	binary.LittleEndian.PutUint64(head[0:], i+1)
	binary.LittleEndian.PutUint64(head[8:], inode(at))
	binary.LittleEndian.PutUint32(head[16:], uint32(len(name))) //nolint:gosec // a name
	head[20] = byte(typ)
	n := copy(buf, head[:])
	return n + copy(buf[n:], name)
}
