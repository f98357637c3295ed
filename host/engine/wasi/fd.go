package wasi

import "encoding/binary"

// fdClose closes a descriptor.
//
//	fd_close(fd i32) errno
//
// Errors: EBADF.
func fdClose(c *call) (errno, error) {
	fd := c.u32(0)
	f := c.sys.own(fd)
	if f == nil {
		return errBadFD, nil
	}
	f.close()
	c.sys.files[fd] = nil
	return success, nil
}

// fdRenumber makes descriptor to stand for what from stood for, which it closes.
//
//	fd_renumber(from, to i32) errno
//
// Errors: EBADF unless both are open.
func fdRenumber(c *call) (errno, error) {
	from, to := c.u32(0), c.u32(1)
	f, old := c.sys.own(from), c.sys.own(to)
	if f == nil || old == nil {
		return errBadFD, nil
	}
	if from != to {
		old.close()
		c.sys.files[to], c.sys.files[from] = f, nil
	}
	return success, nil
}

// fdFdstatGet writes the type, flags and rights of a descriptor.
//
//	fd_fdstat_get(fd, result_ptr i32) errno
//
// Errors: EBADF, EFAULT.
func fdFdstatGet(c *call) (errno, error) {
	f := c.sys.file(c.u32(0))
	if f == nil {
		return errBadFD, nil
	}
	b, ok := c.mem.bytes(c.u32(1), fdstatSize)
	if !ok {
		return errFault, nil
	}
	clear(b)
	b[0] = byte(f.filetype())
	binary.LittleEndian.PutUint16(b[2:], f.flags)
	binary.LittleEndian.PutUint64(b[8:], uint64(f.rights))
	binary.LittleEndian.PutUint64(b[16:], uint64(f.inherit))
	return success, nil
}

// fdFdstatSetFlags sets the flags of a descriptor. They have no effect: no
// descriptor blocks and none can be appended to.
//
//	fd_fdstat_set_flags(fd, flags i32) errno
//
// Errors: EBADF, EINVAL for unknown flags.
func fdFdstatSetFlags(c *call) (errno, error) {
	flags := c.u32(1)
	switch f := c.sys.own(c.u32(0)); {
	case f == nil:
		return errBadFD, nil
	case flags&^allFDFlags != 0:
		return errInvalid, nil
	default:
		f.flags = uint16(flags) //nolint:gosec // allFDFlags
		return success, nil
	}
}

// fdFdstatSetRights takes rights away from a descriptor.
//
//	fd_fdstat_set_rights(fd i32, rights, inheriting i64) errno
//
// Errors: EBADF, ENOTCAPABLE for rights that it does not have.
func fdFdstatSetRights(c *call) (errno, error) {
	f := c.sys.own(c.u32(0))
	base, inherit := rights(c.u64(1)), rights(c.u64(2))
	switch {
	case f == nil:
		return errBadFD, nil
	case base&^f.rights != 0 || inherit&^f.inherit != 0:
		return errNotCapable, nil
	default:
		f.rights, f.inherit = base, inherit
		return success, nil
	}
}

// fdFilestatGet describes the file behind a descriptor.
//
//	fd_filestat_get(fd, result_ptr i32) errno
//
// Errors: EBADF, EFAULT.
func fdFilestatGet(c *call) (errno, error) {
	fd := c.u32(0)
	f := c.sys.file(fd)
	if f == nil {
		return errBadFD, nil
	}
	b, ok := c.mem.bytes(c.u32(1), filestatSize)
	if !ok {
		return errFault, nil
	}
	if f.kind != regularFile && f.kind != directoryFile {
		clear(b)
		binary.LittleEndian.PutUint64(b[8:], uint64(fd)+1)
		b[16] = byte(f.filetype())
		b[24] = 1 // links
		return success, nil
	}
	info, n := c.sys.describe(f)
	if n == success {
		putFilestat(b, info, inode(f.path))
	}
	return n, nil
}

// fdPrestatGet tells the length of a preopened directory's name.
//
//	fd_prestat_get(fd, result_ptr i32) errno
//
// Errors: EBADF unless fd is a preopened directory, EFAULT. Programs ask for
// descriptors from 3 on until they get EBADF.
func fdPrestatGet(c *call) (errno, error) {
	if f := c.sys.file(c.u32(0)); f == nil || !f.preopen {
		return errBadFD, nil
	}
	b, ok := c.mem.bytes(c.u32(1), prestatSize)
	if !ok {
		return errFault, nil
	}
	clear(b) // tag 0: a directory
	binary.LittleEndian.PutUint32(b[4:], uint32(len(preopenName)))
	return success, nil
}

// preopenName is the name of the one preopened directory.
const preopenName = "/"

// fdPrestatDirName writes the name of a preopened directory.
//
//	fd_prestat_dir_name(fd, ptr, len i32) errno
//
// Errors: EBADF, ENAMETOOLONG when len is too small, EFAULT.
func fdPrestatDirName(c *call) (errno, error) {
	if f := c.sys.file(c.u32(0)); f == nil || !f.preopen {
		return errBadFD, nil
	}
	if c.u32(2) < uint32(len(preopenName)) {
		return errNameTooLong, nil
	}
	b, ok := c.mem.bytes(c.u32(1), uint32(len(preopenName)))
	if !ok {
		return errFault, nil
	}
	copy(b, preopenName)
	return success, nil
}

// fdAdvise takes advice on how a file is going to be read, and ignores it.
//
//	fd_advise(fd i32, offset, len i64, advice i32) errno
//
// Errors: EBADF, ESPIPE unless it is a file, EINVAL for unknown advice.
func fdAdvise(c *call) (errno, error) {
	const lastAdvice = 5
	switch f := c.sys.file(c.u32(0)); {
	case f == nil || f.kind == directoryFile:
		return errBadFD, nil
	case f.kind != regularFile:
		return errSeekPipe, nil
	case c.u32(3) > lastAdvice:
		return errInvalid, nil
	default:
		return success, nil
	}
}

// fdAllocate would make a file longer.
//
//	fd_allocate(fd i32, offset, len i64) errno
//
// Errors: EBADF always, since no file is open for writing.
func fdAllocate(*call) (errno, error) { return errBadFD, nil }

// fdSync has nothing to write back.
//
//	fd_sync(fd i32) errno, fd_datasync(fd i32) errno
//
// Errors: EBADF.
func fdSync(c *call) (errno, error) {
	if c.sys.file(c.u32(0)) == nil {
		return errBadFD, nil
	}
	return success, nil
}

// fdReadOnly answers what would change a file.
//
//	fd_filestat_set_size(fd i32, size i64) errno
//	fd_filestat_set_times(fd i32, atim, mtim i64, flags i32) errno
//
// Errors: EBADF, otherwise EROFS.
func fdReadOnly(c *call) (errno, error) {
	if c.sys.file(c.u32(0)) == nil {
		return errBadFD, nil
	}
	return errReadOnly, nil
}
