package wasi

import (
	"encoding/binary"
	"errors"
	"io"
)

// Bounds of one transfer. A transfer over maxTransfer is cut short, which
// programs expect of reads and writes.
const (
	maxVectors  = 1024
	maxTransfer = 16 << 20
)

// vectors calls do with each non-empty buffer of an array of $iovec in
// linear memory until do returns false or an error.
//
// Errors: EINVAL for more than maxVectors, EFAULT when the array or a buffer
// is not in memory; buffers are checked before do sees the first.
func (c *call) vectors(ptr, n uint32, do func(b []byte) (bool, error)) (errno, error) {
	if n > maxVectors {
		return errInvalid, nil
	}
	list, ok := c.mem.array(ptr, n, iovecSize)
	if !ok {
		return errFault, nil
	}
	// The guest may have made the array part of a buffer; so it is read once.
	var fixed [16][2]uint32
	pairs := fixed[:0]
	for ; len(list) > 0; list = list[iovecSize:] {
		pair := [2]uint32{binary.LittleEndian.Uint32(list), binary.LittleEndian.Uint32(list[4:])}
		if _, ok := c.mem.bytes(pair[0], pair[1]); !ok {
			return errFault, nil
		}
		if pair[1] > 0 {
			pairs = append(pairs, pair)
		}
	}
	left := uint32(maxTransfer)
	for _, p := range pairs {
		b, _ := c.mem.bytes(p[0], min(p[1], left))
		left -= uint32(len(b)) //nolint:gosec // at most left
		if more, err := do(b); err != nil || !more || left == 0 {
			return success, err
		}
	}
	return success, nil
}

// fdRead reads from the descriptor's position on.
//
//	fd_read(fd, iovs_ptr, iovs_len, result_ptr i32) errno
//
// It writes the number of bytes at result_ptr; 0 is the end of the file.
//
// Errors: EBADF, EISDIR, EINVAL, EFAULT, EIO.
func fdRead(c *call) (errno, error) {
	fd := c.u32(0)
	f := c.sys.file(fd)
	switch {
	case f == nil:
		return errBadFD, nil
	case f.kind == directoryFile:
		return errIsDir, nil
	case f.kind == inputFile:
		return c.readInto(1, 3, c.readStdin)
	case f.kind != regularFile || f.rights&rightRead == 0:
		return errBadFD, nil
	}
	return c.readInto(1, 3, func(b []byte) (int, error) {
		n, err := f.readAt(b, f.at)
		f.at += int64(n)
		return n, err
	})
}

// fdPread reads from an offset on and leaves the position.
//
//	fd_pread(fd, iovs_ptr, iovs_len i32, offset i64, result_ptr i32) errno
//
// Errors: as fdRead, ESPIPE for a stream, EINVAL for a negative offset.
func fdPread(c *call) (errno, error) {
	f, offset := c.sys.file(c.u32(0)), int64(c.u64(3)) //nolint:gosec // checked to be positive
	switch {
	case f == nil:
		return errBadFD, nil
	case f.kind == directoryFile:
		return errIsDir, nil
	case f.kind != regularFile:
		return errSeekPipe, nil
	case f.rights&rightRead == 0:
		return errBadFD, nil
	case offset < 0:
		return errInvalid, nil
	}
	return c.readInto(1, 4, func(b []byte) (int, error) {
		n, err := f.readAt(b, offset)
		offset += int64(n)
		return n, err
	})
}

// errUnreadable is a failure of a file in the tree, which the guest sees as EIO.
var errUnreadable = errors.New("file cannot be read")

// readAt reads from a regular file; its error is nil, io.EOF or errUnreadable.
func (f *file) readAt(b []byte, offset int64) (int, error) {
	if offset >= f.size {
		return 0, io.EOF
	}
	n, err := f.content.ReadAt(b[:min(int64(len(b)), f.size-offset)], offset)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errUnreadable
	}
	return n, err
}

// readStdin reads standard input once.
func (c *call) readStdin(b []byte) (int, error) {
	if c.sys.Stdin == nil {
		return 0, io.EOF
	}
	return c.sys.Stdin.Read(b)
}

// readInto fills the buffers that parameter iovs and the one after it give,
// and writes the number of bytes at the address in parameter result.
func (c *call) readInto(iovs, result int, read func([]byte) (int, error)) (errno, error) {
	if _, ok := c.mem.bytes(c.u32(result), 4); !ok {
		return errFault, nil
	}
	total := uint32(0)
	n, err := c.vectors(c.u32(iovs), c.u32(iovs+1), func(b []byte) (bool, error) {
		n, err := read(b)
		total += uint32(max(n, 0)) //nolint:gosec // at most maxTransfer
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return n == len(b), err
	})
	switch {
	case errors.Is(err, errUnreadable) && total == 0:
		return errIO, nil
	case err != nil && !errors.Is(err, errUnreadable):
		return 0, err
	case n == success:
		c.mem.putU32(c.u32(result), total)
	}
	return n, nil
}

// fdWrite writes to standard output or error.
//
//	fd_write(fd, iovs_ptr, iovs_len, result_ptr i32) errno
//
// It writes the number of bytes at result_ptr.
//
// Errors: EBADF when the descriptor is not open for writing, EINVAL, EFAULT.
func fdWrite(c *call) (errno, error) {
	f := c.sys.file(c.u32(0))
	if f == nil || f.kind != outputFile && f.kind != errorFile || f.rights&rightWrite == 0 {
		return errBadFD, nil
	}
	if _, ok := c.mem.bytes(c.u32(3), 4); !ok {
		return errFault, nil
	}
	w := c.sys.Stdout
	if f.kind == errorFile {
		w = c.sys.Stderr
	}
	total := uint32(0)
	n, err := c.vectors(c.u32(1), c.u32(2), func(b []byte) (bool, error) {
		total += uint32(len(b)) //nolint:gosec // at most maxTransfer
		if w == nil {
			return true, nil
		}
		_, err := w.Write(b)
		return true, err
	})
	if n == success && err == nil {
		c.mem.putU32(c.u32(3), total)
	}
	return n, err
}

// fdPwrite would write at an offset.
//
//	fd_pwrite(fd, iovs_ptr, iovs_len i32, offset i64, result_ptr i32) errno
//
// Errors: ESPIPE for standard output and error, otherwise EBADF.
func fdPwrite(c *call) (errno, error) {
	if f := c.sys.file(c.u32(0)); f != nil && (f.kind == outputFile || f.kind == errorFile) {
		return errSeekPipe, nil
	}
	return errBadFD, nil
}

// fdSeek moves the position of a file.
//
//	fd_seek(fd i32, offset i64, whence, result_ptr i32) errno
//
// whence is 0 from the start, 1 from the position, 2 from the end. It writes
// the new position at result_ptr.
//
// Errors: EBADF, ESPIPE for a stream, EINVAL for an unknown whence or a
// position before the start, EFAULT.
func fdSeek(c *call) (errno, error) {
	f := c.sys.file(c.u32(0))
	if n := seekable(f); n != success {
		return n, nil
	}
	from := int64(0)
	switch c.u32(2) {
	case 0:
	case 1:
		from = f.at
	case 2:
		from = f.size
	default:
		return errInvalid, nil
	}
	to := from + int64(c.u64(1)) //nolint:gosec // an i64
	if to < 0 {
		return errInvalid, nil
	}
	if !c.mem.putU64(c.u32(3), uint64(to)) {
		return errFault, nil
	}
	f.at = to
	return success, nil
}

// fdTell writes the position of a file.
//
//	fd_tell(fd, result_ptr i32) errno
//
// Errors: EBADF, ESPIPE for a stream, EFAULT.
func fdTell(c *call) (errno, error) {
	f := c.sys.file(c.u32(0))
	if n := seekable(f); n != success {
		return n, nil
	}
	if !c.mem.putU64(c.u32(1), uint64(f.at)) { //nolint:gosec // not negative
		return errFault, nil
	}
	return success, nil
}

func seekable(f *file) errno {
	switch {
	case f == nil || f.kind == directoryFile:
		return errBadFD
	case f.kind != regularFile:
		return errSeekPipe
	default:
		return success
	}
}
