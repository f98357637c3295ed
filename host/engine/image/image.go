package image

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PageSize is the granularity of runs and resets: the smallest page of the
// supported processors. WebAssembly's own pages are 64 KiB.
const PageSize = 4096

// WasmPageSize is WebAssembly's unit of memory growth.
const WasmPageSize = 65536

// Image is the frozen state of an initialised instance. It is immutable and
// safe for concurrent use. It is released when the last holder releases it.
type Image struct {
	refs     atomic.Int64
	size     uint64
	globals  []uint64
	digest   string
	ownBytes int64
	file     *os.File
	base     *Image
	segments []segment // ascending, not overlapping; the rest is zero
	patches  []run     // single pages that are copied over the segments
	view     []byte    // the whole memory, read-only
	onFree   func()
}

// segment is a part of memory that is mapped from a file.
type segment struct {
	start, length uint64 // bytes of linear memory, multiples of PageSize
	file          *os.File
	offset        int64 // in file
}

// Size is the size of the linear memory in bytes, a multiple of WasmPageSize.
func (im *Image) Size() uint64 { return im.size }

// Globals returns the values of the mutable globals. The caller must not
// change the slice.
func (im *Image) Globals() []uint64 { return im.globals }

// Digest is "sha256:" and the hash of the image's file; "" for an image that
// was not saved.
func (im *Image) Digest() string { return im.digest }

// OwnBytes is the size of the pages that the image does not share with its base.
func (im *Image) OwnBytes() int64 { return im.ownBytes }

// Bytes returns the whole linear memory, valid until the last holder
// releases the image. Writing to it faults.
func (im *Image) Bytes() []byte { return im.view }

// applyPatches copies the image's single pages into mem.
func (im *Image) applyPatches(mem []byte) {
	for _, r := range im.patches {
		copy(mem[r.start*PageSize:(r.start+r.pages)*PageSize], im.view[r.start*PageSize:])
	}
}

// Retain adds a holder and returns im.
func (im *Image) Retain() *Image {
	im.refs.Add(1)
	return im
}

// Release drops a holder. The last one unmaps the image.
func (im *Image) Release() {
	switch n := im.refs.Add(-1); {
	case n > 0:
	case n == 0:
		im.free()
	default:
		panic("image: released more often than retained")
	}
}

func (im *Image) free() {
	_ = unmap(im.view)
	im.view = nil
	if im.file != nil {
		_ = im.file.Close()
	}
	if im.base != nil {
		im.base.Release()
	}
	if im.onFree != nil {
		im.onFree()
	}
}

// FromMemory returns an image of the memory that no file keeps: the first
// image of a module, before any initialisation. The caller releases it.
func FromMemory(mem []byte, globals []uint64) (*Image, error) {
	if len(mem)%WasmPageSize != 0 {
		return nil, fmt.Errorf("memory of %d bytes is no multiple of %d", len(mem), WasmPageSize)
	}
	fd, err := unix.MemfdCreate("serai-image", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("creating memory file: %w", err)
	}
	file := os.NewFile(uintptr(fd), "serai-image")
	h := header{size: uint64(len(mem)), globals: append([]uint64(nil), globals...)}
	h.runs = join(differing(mem, nil), maxRuns)
	if err := writePages(file, mem, h.runs, 0); err != nil {
		_ = file.Close()
		return nil, err
	}
	im, err := assemble(file, h, 0, nil)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return im, nil
}

// assemble makes an image of a file whose pages begin at offset. It takes
// over the file and a reference to base when it succeeds.
func assemble(file *os.File, h header, offset int64, base *Image) (*Image, error) {
	im := &Image{size: h.size, globals: h.globals, file: file, base: base}
	im.refs.Store(1)
	var own []segment
	for _, r := range h.runs {
		length := r.pages * PageSize
		own = append(own, segment{r.start * PageSize, length, file, offset})
		offset += int64(length)      //nolint:gosec // bounded by the header's checks
		im.ownBytes += int64(length) //nolint:gosec // bounded by the header's checks
	}
	if base != nil {
		im.segments = overlay(base.segments, own)
	} else {
		im.segments = own
	}
	var err error
	if im.view, err = reserve(im.size, unix.PROT_READ); err != nil {
		return nil, fmt.Errorf("mapping image: %w", err)
	}
	if err = im.mapInto(im.view, unix.PROT_READ); err == nil {
		err = im.readPatches(h.patches, offset)
	}
	if err != nil {
		_ = unmap(im.view)
		return nil, err
	}
	return im, nil
}

// readPatches reads the patches, which are at offset of the file, into the
// view: they are too many to map one by one.
func (im *Image) readPatches(patches []run, offset int64) error {
	im.patches = patches
	if len(patches) == 0 || len(im.view) == 0 {
		return nil
	}
	// All of the view at once: pages that become writable one by one would
	// stay mappings of their own, and the kernel allows few of these.
	if err := unix.Mprotect(im.view, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fmt.Errorf("mapping image: %w", err)
	}
	for _, r := range patches {
		pages := im.view[r.start*PageSize : (r.start+r.pages)*PageSize]
		if _, err := im.file.ReadAt(pages, offset); err != nil {
			return fmt.Errorf("reading image: %w", err)
		}
		offset += int64(len(pages))
		im.ownBytes += int64(len(pages))
	}
	if err := unix.Mprotect(im.view, unix.PROT_READ); err != nil {
		return fmt.Errorf("mapping image: %w", err)
	}
	return nil
}

func pagesOf(runs []run) (n uint64) {
	for _, r := range runs {
		n += r.pages
	}
	return n
}

// mapInto maps the image's segments over the start of mem, privately.
func (im *Image) mapInto(mem []byte, prot int) error {
	for _, s := range im.segments {
		if err := mapFile(mem[s.start:s.start+s.length], s.file, s.offset, prot); err != nil {
			return fmt.Errorf("mapping image: %w", err)
		}
	}
	return nil
}

// overlay lays the upper segments over the lower ones.
func overlay(lower, upper []segment) []segment {
	out := append([]segment(nil), upper...)
	for _, l := range lower {
		at, end := l.start, l.start+l.length
		for _, u := range upper { // ascending
			uEnd := u.start + u.length
			if uEnd <= at || u.start >= end {
				continue
			}
			if u.start > at {
				out = append(out, l.part(at, u.start))
			}
			at = max(at, uEnd)
		}
		if at < end {
			out = append(out, l.part(at, end))
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].start < out[j].start })
	return out
}

func (s segment) part(from, to uint64) segment {
	return segment{from, to - from, s.file, s.offset + int64(from-s.start)} //nolint:gosec // within the file
}

// run is a range of pages that an image holds.
type run struct{ start, pages uint64 }

// maxRuns bounds the runs of an image that are mapped. Every run is a mapping
// of its own in every instance, and the kernel allows a process some 65,000
// mappings: enough for thousands of instances.
const maxRuns = 6

// maxPatches bounds the pages that are copied into every new instance.
const maxPatches = 1024

// differing returns the runs of pages in which mem differs from base, and
// from zero where base ends.
func differing(mem, base []byte) []run {
	var runs []run
	for page := uint64(0); page*PageSize < uint64(len(mem)); page++ {
		at := page * PageSize
		if samePage(mem[at:at+PageSize], base, at) {
			continue
		}
		if n := len(runs); n > 0 && runs[n-1].start+runs[n-1].pages == page {
			runs[n-1].pages++
		} else {
			runs = append(runs, run{page, 1})
		}
	}
	return runs
}

// plan divides the pages that differ from a base into runs to map and single
// pages to copy. An initialisation writes here and there, to reference
// counts and free lists, so a few large runs and many lone pages remain.
func plan(runs []run) (mapped, patches []run) {
	const (
		near  = 4  // pages between runs that are mapped as one
		large = 16 // pages from which mapping is worth a mapping
	)
	var clusters []cluster
	for _, r := range runs {
		if n := len(clusters); n > 0 && r.start-clusters[n-1].end() <= near {
			clusters[n-1].parts = append(clusters[n-1].parts, r)
		} else {
			clusters = append(clusters, cluster{[]run{r}})
		}
	}
	sort.SliceStable(clusters, func(i, j int) bool { return clusters[i].pages() > clusters[j].pages() })
	for i, c := range clusters {
		if i < maxRuns && c.pages() >= large {
			mapped = append(mapped, run{c.start(), c.pages()})
		} else {
			patches = append(patches, c.parts...)
		}
	}
	if pagesOf(patches) > maxPatches {
		return join(runs, maxRuns), nil
	}
	byStart := func(rs []run) func(i, j int) bool {
		return func(i, j int) bool { return rs[i].start < rs[j].start }
	}
	sort.Slice(mapped, byStart(mapped))
	sort.Slice(patches, byStart(patches))
	return mapped, patches
}

// cluster is a group of runs that are near each other.
type cluster struct{ parts []run }

func (c cluster) start() uint64 { return c.parts[0].start }
func (c cluster) end() uint64   { last := c.parts[len(c.parts)-1]; return last.start + last.pages }
func (c cluster) pages() uint64 { return c.end() - c.start() }

func samePage(page, base []byte, at uint64) bool {
	if at+PageSize <= uint64(len(base)) {
		return string(page) == string(base[at:at+PageSize])
	}
	words := unsafe.Slice((*uint64)(unsafe.Pointer(&page[0])), PageSize/8)
	for _, w := range words {
		if w != 0 {
			return false
		}
	}
	return true
}

// join closes the smallest gaps until at most n runs remain.
func join(runs []run, n int) []run {
	if len(runs) <= n {
		return runs
	}
	gaps := make([]uint64, 0, len(runs)-1)
	gap := func(i int) uint64 { return runs[i+1].start - runs[i].start - runs[i].pages }
	for i := range len(runs) - 1 {
		gaps = append(gaps, gap(i))
	}
	sort.Slice(gaps, func(i, j int) bool { return gaps[i] > gaps[j] })
	left := n - 1 // the n-1 widest gaps stay; ties are closed once n is reached
	keep := gaps[max(left-1, 0)]
	out := []run{runs[0]}
	for i := range len(runs) - 1 {
		last := &out[len(out)-1]
		if g := gap(i); g >= keep && left > 0 {
			left--
			out = append(out, runs[i+1])
		} else {
			last.pages = runs[i+1].start + runs[i+1].pages - last.start
		}
	}
	return out
}

// errCorrupt is wrapped by every complaint about an image file's content.
var errCorrupt = errors.New("image file is corrupt")
