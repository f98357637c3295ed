package image

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve maps length bytes of fresh, private, zero memory. unix.Mmap keeps
// a table of its mappings under a lock; linear memories need neither.
func reserve(length uint64, prot int) ([]byte, error) {
	if length == 0 {
		return nil, nil
	}
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(length), prot,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), length), nil
}

// mapFile maps part of a file privately over mem.
func mapFile(mem []byte, file *os.File, offset int64, prot int) error {
	_, err := unix.MmapPtr(int(file.Fd()), offset, unsafe.Pointer(unsafe.SliceData(mem)), uintptr(len(mem)),
		prot, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	return err
}

// remapAnonymous replaces mem by fresh zero memory that can be written.
func remapAnonymous(mem []byte) error {
	if len(mem) == 0 {
		return nil
	}
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(unsafe.SliceData(mem)), uintptr(len(mem)),
		unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	return err
}

func unmap(mem []byte) error {
	if len(mem) == 0 {
		return nil
	}
	return unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(mem)), uintptr(len(mem)))
}
