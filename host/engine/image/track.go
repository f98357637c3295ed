package image

import (
	"cmp"
	"slices"
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
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uffdioAPI, uintptr(unsafe.Pointer(&api))); errno != 0 {
		_ = unix.Close(int(fd))
		return -1
	}
	return int(fd)
})

// tracker is which parts of a mapping the kernel takes note of writes to.
type tracker struct {
	resets     int      // of the mapping
	registered bool     // with [tracking]
	tracked    []extent // ascending, whole blocks
}

// Tracking takes the kernel as long as some scans, and pages that are read for
// the first time after it come one by one instead of sixteen at once. So it
// begins when a mapping has been reset some times and its calls have mostly been
// seen, and what they came to use since is added now and then.
const (
	trackAfter = 4
	trackEvery = 256
)

// blockSize is what one page of a page table maps on amd64 and arm64. The
// kernel passes over blocks without such a page, unless they are tracked.
const blockSize = 512 * PageSize

// advance is called after each reset.
func (s *scanner) advance(mem []byte) {
	s.resets++
	if s.resets != trackAfter && s.resets%trackEvery != 0 {
		return
	}
	p, err := pagemap()
	if err != nil || !p.canScan || tracking() < 0 {
		return
	}
	if !s.registered {
		base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
		register := [4]uint64{base, uint64(len(mem)), uffdModeWriteprotect, 0}
		if s.registered = ioctl(uffdioRegister, unsafe.Pointer(&register)) == nil; !s.registered {
			return
		}
	}
	used := scanner{regions: s.regions}
	if used.scan(p, mem, extent{0, uint64(len(mem))}, populated) != nil {
		return
	}
	for _, e := range used.extents {
		for e.start < e.end {
			block := blockAt(mem, e.start)
			if !s.tracks(block) && s.track(p, mem, block) != nil {
				return
			}
			e.start = block.end
		}
	}
}

// blockAt returns the part of mem that one page of a page table maps.
func blockAt(mem []byte, at uint64) extent {
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	first := (base + at) &^ (blockSize - 1)
	return extent{max(first, base) - base, min(first+blockSize-base, uint64(len(mem)))}
}

func (s *scanner) tracks(block extent) bool {
	for _, e := range s.tracked {
		if e.start <= block.start && block.end <= e.end {
			return true
		}
	}
	return false
}

// track protects the pages of a block that were not written.
func (s *scanner) track(p *pagemapFile, mem []byte, block extent) error {
	found := scanner{regions: s.regions}
	if err := found.scan(p, mem, block, private); err != nil {
		return err
	}
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	at := block.start
	for _, e := range append(found.extents, extent{block.end, block.end}) {
		if e.start > at {
			protect := [3]uint64{base + at, e.start - at, writeprotect}
			if err := ioctl(uffdioWriteprotect, unsafe.Pointer(&protect)); err != nil {
				return err
			}
		}
		at = e.end
	}
	s.tracked = joined(append(s.tracked, block))
	return nil
}

// joined sorts extents that do not overlap, and joins those that touch.
func joined(all []extent) []extent {
	slices.SortFunc(all, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	out := all[:1]
	for _, e := range all[1:] {
		if last := &out[len(out)-1]; last.end == e.start {
			last.end = e.end
			continue
		}
		out = append(out, e)
	}
	return out
}

// ioctl asks [tracking].
func ioctl(request uintptr, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(tracking()), request, uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}
