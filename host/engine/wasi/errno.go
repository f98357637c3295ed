package wasi

import (
	"errors"
	"io/fs"
)

// errno is an error number as guests see it (typenames.witx, $errno).
type errno uint32

// The error numbers that the package answers.
const (
	success        errno = 0
	errBadFD       errno = 8
	errExist       errno = 20
	errFault       errno = 21
	errFileTooBig  errno = 22
	errIllegalSeq  errno = 25
	errInvalid     errno = 28
	errIO          errno = 29
	errIsDir       errno = 31
	errTooManyOpen errno = 33
	errNameTooLong errno = 37
	errNotExist    errno = 44
	errNoSys       errno = 52
	errNotDir      errno = 54
	errNotSocket   errno = 57
	errOverflow    errno = 61
	errReadOnly    errno = 69
	errSeekPipe    errno = 70
	errNotCapable  errno = 76
)

// errnoOf translates the error of a file system.
func errnoOf(err error) errno {
	switch {
	case err == nil:
		return success
	case errors.Is(err, fs.ErrNotExist):
		return errNotExist
	case errors.Is(err, fs.ErrExist):
		return errExist
	case errors.Is(err, fs.ErrInvalid):
		return errInvalid
	case errors.Is(err, fs.ErrPermission):
		return errNotCapable
	default:
		return errIO
	}
}
