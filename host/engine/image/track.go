package image

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/userfaultfd.h and the manual page userfaultfd(2).
const (
	uffdUserModeOnly = 1
	uffdAPI          = 0xAA

	uffdioAPI          = 0xc018aa3f // _IOWR(0xAA, 0x3F, struct uffdio_api)
	uffdioRegister     = 0xc020aa00 // _IOWR(0xAA, 0x00, struct uffdio_register)
	uffdioWriteprotect = 0xc018aa06 // _IOWR(0xAA, 0x06, struct uffdio_writeprotect)

	uffdFeatureUnpopulated = 1 << 13 // UFFD_FEATURE_WP_UNPOPULATED
	uffdFeatureAsync       = 1 << 15 // UFFD_FEATURE_WP_ASYNC, Linux 6.7

	uffdModeWriteprotect = 1 << 1 // UFFDIO_REGISTER_MODE_WP
	writeprotect         = 1      // UFFDIO_WRITEPROTECT_MODE_WP
)

// tracking is the process's userfaultfd, -1 where there is none: the kernel is
// older, or the sandbox that the host runs in forbids it. Nothing is read from
// it. In its asynchronous mode the kernel lifts the protection of a page that
// is written by itself, so that all that is left is which pages have none.
var tracking = sync.OnceValue(func() int {
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK|uffdUserModeOnly, 0, 0)
	if errno != 0 {
		return -1
	}
	api := [3]uint64{uffdAPI, uffdFeatureAsync | uffdFeatureUnpopulated, 0}
	if ioctl(int(fd), uffdioAPI, unsafe.Pointer(&api)) != nil {
		_ = unix.Close(int(fd))
		return -1
	}
	return int(fd)
})

// track has the kernel take note of the pages of mem that are written from now
// on. Those in known are written. It reports whether it does.
func track(mem []byte, known []extent) bool {
	fd := tracking()
	if fd < 0 {
		return false
	}
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	register := [4]uint64{base, uint64(len(mem)), uffdModeWriteprotect, 0}
	if ioctl(fd, uffdioRegister, unsafe.Pointer(&register)) != nil {
		return false
	}
	at := uint64(0)
	for _, e := range append(known, extent{uint64(len(mem)), uint64(len(mem))}) {
		if e.start > at {
			protect := [3]uint64{base + at, e.start - at, writeprotect}
			if ioctl(fd, uffdioWriteprotect, unsafe.Pointer(&protect)) != nil {
				return false
			}
		}
		at = e.end
	}
	return true
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}
