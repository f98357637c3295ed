package wasi

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"
)

// Bounds of a path.
const (
	maxPathBytes = 4096
	maxNameBytes = 255
	maxDepth     = 128
)

// maxFileBytes bounds a file whose file system cannot read at an offset, so
// that it is read as a whole when it is opened.
const maxFileBytes = 64 << 20

// path reads the path whose address and length are parameters i and i+1 and
// which begins at the directory that is descriptor dirfd. It returns the
// path from the root, as of fs.ValidPath, and whether it must be a directory.
//
// Errors: EBADF, ENOTDIR, EFAULT, EINVAL for a zero byte, EILSEQ unless it
// is UTF-8, ENOENT when it is empty, ENAMETOOLONG, ENOTCAPABLE for an
// absolute path and for one that leaves the root.
func (c *call) path(dirfd uint32, i int) (p string, mustDir bool, n errno) {
	dir := c.sys.file(dirfd)
	switch {
	case dir == nil:
		return "", false, errBadFD
	case dir.kind != directoryFile:
		return "", false, errNotDir
	}
	length := c.u32(i + 1)
	b, ok := c.mem.bytes(c.u32(i), length)
	switch {
	case !ok:
		return "", false, errFault
	case length == 0:
		return "", false, errNotExist
	case length > maxPathBytes:
		return "", false, errNameTooLong
	case bytes.IndexByte(b, 0) >= 0:
		return "", false, errInvalid
	case !utf8.Valid(b):
		return "", false, errIllegalSeq
	case b[0] == '/':
		return "", false, errNotCapable
	}
	p, n = resolve(dir.path, string(b))
	last := b[bytes.LastIndexByte(b, '/')+1:]
	return p, len(last) == 0 || string(last) == "." || string(last) == "..", n
}

// resolve walks from directory dir along a relative path.
func resolve(dir, rel string) (string, errno) {
	var elements []string
	if dir != "." {
		elements = strings.Split(dir, "/")
	}
	for rel != "" {
		var name string
		name, rel, _ = strings.Cut(rel, "/")
		switch {
		case name == "" || name == ".":
		case name == ".." && len(elements) == 0:
			return "", errNotCapable
		case name == "..":
			elements = elements[:len(elements)-1]
		case len(name) > maxNameBytes || len(elements) >= maxDepth:
			return "", errNameTooLong
		default:
			elements = append(elements, name)
		}
	}
	if len(elements) == 0 {
		return ".", success
	}
	return strings.Join(elements, "/"), success
}

// lookup describes what is at a path.
func (c *call) lookup(p string, mustDir bool) (fs.FileInfo, errno) {
	info, err := c.sys.FS.stat(p)
	switch {
	case err != nil:
		return nil, errnoOf(err)
	case mustDir && !info.IsDir():
		return nil, errNotDir
	default:
		return info, success
	}
}

// pathOpen opens a file or directory for reading.
//
//	path_open(fd, dirflags, path_ptr, path_len, oflags i32,
//	          rights, inheriting i64, fdflags, result_ptr i32) errno
//
// It writes the descriptor at result_ptr.
//
// Errors: those of [call.path]; EINVAL for unknown flags or a file that is
// neither regular nor a directory; ENOENT; EEXIST; ENOTDIR; EROFS for
// creating, truncating, and opening a file to write; EMFILE; EFBIG; EFAULT.
func pathOpen(c *call) (errno, error) {
	oflags, want := c.u32(4), rights(c.u64(5))
	fdflags, result := c.u32(7), c.u32(8)
	if oflags&^allOpenFlags != 0 || fdflags&^allFDFlags != 0 {
		return errInvalid, nil
	}
	if _, ok := c.mem.bytes(result, 4); !ok {
		return errFault, nil
	}
	p, mustDir, n := c.path(c.u32(0), 2)
	if n != success {
		return n, nil
	}
	info, n := c.lookup(p, mustDir || oflags&openDirectory != 0)
	switch {
	case n == errNotExist && oflags&openCreate != 0:
		return errReadOnly, nil
	case n != success:
		return n, nil
	case oflags&openCreate != 0 && oflags&openExclusive != 0:
		return errExist, nil
	case !info.IsDir() && (oflags&openTruncate != 0 || want&rightWrite != 0):
		return errReadOnly, nil
	}
	f, n := c.open(p, info)
	if n != success {
		return n, nil
	}
	f.flags = uint16(fdflags) //nolint:gosec // allFDFlags
	fd, n := c.sys.add(f)
	if n == success {
		c.mem.putU32(result, fd)
	}
	return n, nil
}

func (c *call) open(p string, info fs.FileInfo) (*file, errno) {
	if info.IsDir() {
		return &file{kind: directoryFile, rights: dirRights, inherit: inheritedRights, path: p, info: info}, success
	}
	if !info.Mode().IsRegular() {
		return nil, errInvalid
	}
	if c.sys.full() {
		return nil, errTooManyOpen
	}
	opened, err := c.sys.FS.open(p)
	if err != nil {
		return nil, errnoOf(err)
	}
	f := &file{kind: regularFile, rights: fileRights, path: p, info: info, size: info.Size(), closer: opened}
	if at, ok := opened.(io.ReaderAt); ok {
		f.content = at
		return f, success
	}
	defer f.close()
	content, err := io.ReadAll(io.LimitReader(opened, maxFileBytes+1))
	switch {
	case err != nil:
		return nil, errIO
	case len(content) > maxFileBytes:
		return nil, errFileTooBig
	}
	f.content, f.size = bytes.NewReader(content), int64(len(content))
	return f, success
}

// pathFilestatGet describes the file or directory at a path.
//
//	path_filestat_get(fd, flags, path_ptr, path_len, result_ptr i32) errno
//
// Errors: those of [call.path], ENOENT, ENOTDIR, EFAULT.
func pathFilestatGet(c *call) (errno, error) {
	p, mustDir, n := c.path(c.u32(0), 2)
	if n != success {
		return n, nil
	}
	b, ok := c.mem.bytes(c.u32(4), filestatSize)
	if !ok {
		return errFault, nil
	}
	info, n := c.lookup(p, mustDir)
	if n == success {
		putFilestat(b, info, inode(p))
	}
	return n, nil
}

// pathReadlink would read a symbolic link; there are none.
//
//	path_readlink(fd, path_ptr, path_len, buf_ptr, buf_len, result_ptr i32) errno
//
// Errors: those of [call.path], ENOENT, otherwise EINVAL.
func pathReadlink(c *call) (errno, error) {
	p, mustDir, n := c.path(c.u32(0), 1)
	if n != success {
		return n, nil
	}
	if _, n = c.lookup(p, mustDir); n != success {
		return n, nil
	}
	return errInvalid, nil
}

// pathReadOnly answers what would change the tree, with the directory in
// parameter fd and the path in parameter i and the one after it.
//
//	path_create_directory, path_filestat_set_times, path_link,
//	path_remove_directory, path_rename, path_symlink, path_unlink_file
//
// Errors: those of [call.path], otherwise EROFS.
func pathReadOnly(fd, i int) func(c *call) (errno, error) {
	return func(c *call) (errno, error) {
		if _, _, n := c.path(c.u32(fd), i); n != success {
			return n, nil
		}
		return errReadOnly, nil
	}
}
