package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// extent is a range of bytes relative to the memory's start.
type extent struct{ start, end uint64 }

// scanner finds the pages of a private mapping that were written.
type scanner struct {
	regions []pageRegion
	extents []extent
	entries []byte
	tracker
}

// pageRegion is struct page_region of linux/fs.h.
type pageRegion struct{ start, end, categories uint64 }

// pmScanArg is struct pm_scan_arg of linux/fs.h (Linux 6.7).
type pmScanArg struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages       uint64
	categoryInverted, categoryMask, categoryAnyofMask, returnMask uint64
}

// PAGEMAP_SCAN and the page categories of linux/fs.h.
const (
	pagemapScan = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg)
	pageWritten = 1 << 1
	pageFile    = 1 << 2
	pagePresent = 1 << 3
	pageSwapped = 1 << 4
	pageZero    = 1 << 5
	scanTracked = 1 << 1 // PM_SCAN_CHECK_WPASYNC
)

// Bits of an entry of /proc/pid/pagemap
// (Documentation/admin-guide/mm/pagemap.rst).
const (
	entryPresent = 1 << 63
	entrySwapped = 1 << 62
	entryFile    = 1 << 61
)

// pagemap is opened once; whether the kernel knows PAGEMAP_SCAN is found out
// then.
var pagemap = sync.OnceValues(func() (*pagemapFile, error) {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return nil, fmt.Errorf("opening pagemap: %w", err)
	}
	p := &pagemapFile{file: f, fd: f.Fd()}
	probe, err := reserve(PageSize, unix.PROT_READ)
	if err != nil {
		return p, nil //nolint:nilerr // without the probe the older way is taken
	}
	defer func() { _ = unmap(probe) }()
	var s scanner
	p.canScan = s.scan(p, probe, extent{0, PageSize}, private) == nil
	return p, nil
})

type pagemapFile struct {
	file    *os.File
	fd      uintptr
	canScan bool
}

// Ways in which resets find dirty pages, the fastest first.
const (
	Tracked  = "tracked" // the kernel takes note of the pages that are written
	Scanned  = "PAGEMAP_SCAN"
	Read     = "pagemap"
	Remapped = "remap" // they do not: they map the image anew
)

// Method returns the way in which this kernel allows to find dirty pages.
func Method() string {
	p, err := pagemap()
	switch {
	case err != nil:
		return Remapped
	case !p.canScan:
		return Read
	case tracking() < 0:
		return Scanned
	default:
		return Tracked
	}
}

// dirty returns the written extents of mem, ascending. The result is valid
// until the next call.
func (s *scanner) dirty(mem []byte) ([]extent, error) {
	if len(mem) == 0 {
		return nil, nil
	}
	p, err := pagemap()
	if err != nil {
		return nil, err
	}
	s.extents = s.extents[:0]
	if !p.canScan {
		return s.read(p, mem)
	}
	at := uint64(0)
	for _, e := range s.tracked {
		if err := s.scan(p, mem, extent{at, e.start}, private); err != nil {
			return nil, err
		}
		if err := s.scan(p, mem, e, written); err != nil {
			return nil, err
		}
		at = e.end
	}
	if err := s.scan(p, mem, extent{at, uint64(len(mem))}, private); err != nil {
		return nil, err
	}
	return s.extents, nil
}

// query is which pages a scan asks for.
type query struct{ flags, inverted, mask, anyOf, returned uint64 }

var (
	// private pages are present (or swapped out) and no longer belong to the
	// mapped file, or to the shared zero page where nothing is mapped.
	private = query{inverted: pageFile | pageZero, mask: pageFile | pageZero, anyOf: pagePresent | pageSwapped, returned: pagePresent}
	// written pages are not write-protected any more. To tell that, the kernel
	// looks at the page table only, and not at what each page belongs to. All
	// pages must be tracked, else it is an error.
	written = query{flags: scanTracked, mask: pageWritten, returned: pageWritten}
	// populated pages are there, or were and are swapped out.
	populated = query{anyOf: pagePresent | pageSwapped, returned: pagePresent}
)

// scan adds pages of a part of mem, which it asks for by PAGEMAP_SCAN.
func (s *scanner) scan(p *pagemapFile, mem []byte, part extent, q query) error {
	if s.regions == nil {
		s.regions = make([]pageRegion, 128)
	}
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	end := base + part.end
	arg := pmScanArg{
		flags: q.flags, start: base + part.start, end: end,
		vec: uint64(uintptr(unsafe.Pointer(&s.regions[0]))), vecLen: uint64(len(s.regions)),
		categoryInverted: q.inverted, categoryMask: q.mask, categoryAnyofMask: q.anyOf, returnMask: q.returned,
	}
	arg.size = uint64(unsafe.Sizeof(arg))
	for arg.start < end {
		// Tens of microseconds at most: not worth telling the scheduler.
		n, _, errno := unix.RawSyscall(unix.SYS_IOCTL, p.fd, pagemapScan, uintptr(unsafe.Pointer(&arg)))
		if errno != 0 {
			return fmt.Errorf("scanning pagemap: %w", errno)
		}
		for _, r := range s.regions[:n] {
			s.add(r.start-base, r.end-base)
		}
		if arg.walkEnd <= arg.start {
			return errors.New("scanning pagemap: no progress")
		}
		arg.start = arg.walkEnd
	}
	return nil
}

// read asks by the entries of pagemap, one for every page.
func (s *scanner) read(p *pagemapFile, mem []byte) ([]extent, error) {
	if s.entries == nil {
		s.entries = make([]byte, 8*4096)
	}
	first := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))) / PageSize
	pages := uint64(len(mem)) / PageSize
	for page := uint64(0); page < pages; {
		n := min(pages-page, uint64(len(s.entries)/8))
		if _, err := p.file.ReadAt(s.entries[:8*n], int64(8*(first+page))); err != nil { //nolint:gosec // an address
			return nil, fmt.Errorf("reading pagemap: %w", err)
		}
		for i := range n {
			e := binary.LittleEndian.Uint64(s.entries[8*i:])
			if e&(entryPresent|entrySwapped) != 0 && e&entryFile == 0 {
				s.add((page+i)*PageSize, (page+i+1)*PageSize)
			}
		}
		page += n
	}
	return s.extents, nil
}

func (s *scanner) add(start, end uint64) {
	if n := len(s.extents); n > 0 && s.extents[n-1].end == start {
		s.extents[n-1].end = end
		return
	}
	s.extents = append(s.extents, extent{start, end})
}
