package image

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
)

// An image file is a header, padded with zeros to a multiple of PageSize, and
// the pages of its runs in order. Numbers are little-endian.
//
//	offset size
//	0      8    magic "SERAIIMG"
//	8      4    format version, 1
//	12     4    length of the header with its padding
//	16     8    size of the linear memory in bytes
//	24     32   SHA-256 of the base image's file; zeros if there is none
//	56     4    number of globals g
//	60     4    number of runs r
//	64     4    number of patches p
//	72     8g   globals
//	       16r  runs: first page, number of pages
//	       16p  patches: first page, number of pages
//
// Runs are mapped into an instance, patches are copied over them. Each list
// ascends without overlap, and the pages follow in the order of the lists. The
// name of the file is the SHA-256 of all of it.
const (
	magic         = "SERAIIMG"
	formatVersion = 1
	fixedHeader   = 72
	maxGlobals    = 1 << 16
	maxFileRuns   = 1 << 12
	maxMemory     = 1 << 32
)

type header struct {
	size    uint64
	base    [sha256.Size]byte
	globals []uint64
	runs    []run // of a base: all pages
	patches []run
}

// pages returns all runs of pages in the order of the file.
func (h header) pages() []run { return append(slices.Clip(h.runs), h.patches...) }

// encode returns the header with its padding.
func (h header) encode() []byte {
	n := fixedHeader + 8*len(h.globals) + 16*(len(h.runs)+len(h.patches))
	padded := (n + PageSize - 1) / PageSize * PageSize
	b := make([]byte, 0, padded)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(padded)) //nolint:gosec // bounded by the counts
	b = binary.LittleEndian.AppendUint64(b, h.size)
	b = append(b, h.base[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.globals))) //nolint:gosec // at most maxGlobals
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.runs)))    //nolint:gosec // at most maxFileRuns
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.patches))) //nolint:gosec // at most maxFileRuns
	b = append(b, 0, 0, 0, 0)
	for _, g := range h.globals {
		b = binary.LittleEndian.AppendUint64(b, g)
	}
	for _, r := range h.pages() {
		b = binary.LittleEndian.AppendUint64(b, r.start)
		b = binary.LittleEndian.AppendUint64(b, r.pages)
	}
	return b[:padded]
}

// decodeHeader reads a header from the start of an image file of fileSize
// bytes and returns it with its padded length. The file may be hostile.
func decodeHeader(r io.ReaderAt, fileSize int64) (header, int64, error) {
	var h header
	fixed := make([]byte, fixedHeader)
	if _, err := r.ReadAt(fixed, 0); err != nil {
		return h, 0, fmt.Errorf("%w: reading header: %w", errCorrupt, err)
	}
	if string(fixed[:8]) != magic {
		return h, 0, fmt.Errorf("%w: no image file", errCorrupt)
	}
	if v := binary.LittleEndian.Uint32(fixed[8:]); v != formatVersion {
		return h, 0, fmt.Errorf("%w: format version %d, this host reads %d", errCorrupt, v, formatVersion)
	}
	padded := int64(binary.LittleEndian.Uint32(fixed[12:]))
	h.size = binary.LittleEndian.Uint64(fixed[16:])
	copy(h.base[:], fixed[24:])
	globals, runs := binary.LittleEndian.Uint32(fixed[56:]), binary.LittleEndian.Uint32(fixed[60:])
	patches := binary.LittleEndian.Uint32(fixed[64:])
	need := int64(fixedHeader) + 8*int64(globals) + 16*(int64(runs)+int64(patches))
	switch {
	case globals > maxGlobals || runs > maxFileRuns || patches > maxFileRuns:
		return h, 0, fmt.Errorf("%w: %d globals, %d runs and %d patches", errCorrupt, globals, runs, patches)
	case h.size > maxMemory || h.size%WasmPageSize != 0:
		return h, 0, fmt.Errorf("%w: memory of %d bytes", errCorrupt, h.size)
	case padded%PageSize != 0 || padded < need || padded > fileSize:
		return h, 0, fmt.Errorf("%w: header of %d bytes", errCorrupt, padded)
	}
	rest := make([]byte, need-fixedHeader)
	if _, err := r.ReadAt(rest, fixedHeader); err != nil {
		return h, 0, fmt.Errorf("%w: reading header: %w", errCorrupt, err)
	}
	for range globals {
		h.globals = append(h.globals, binary.LittleEndian.Uint64(rest))
		rest = rest[8:]
	}
	var err error
	if h.runs, rest, err = h.decodeRuns(rest, runs); err == nil {
		h.patches, _, err = h.decodeRuns(rest, patches)
	}
	if err != nil {
		return h, 0, err
	}
	if total := pagesOf(h.runs) + pagesOf(h.patches); int64(total)*PageSize != fileSize-padded { //nolint:gosec // at most 2 maxMemory
		return h, 0, fmt.Errorf("%w: %d bytes of pages, the runs have %d", errCorrupt, fileSize-padded, total*PageSize)
	}
	return h, padded, nil
}

// decodeRuns reads n runs from the start of b, within the memory.
func (h header) decodeRuns(b []byte, n uint32) ([]run, []byte, error) {
	var runs []run
	at, most := uint64(0), h.size/PageSize
	for i := range n {
		r := run{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
		b = b[16:]
		if r.pages == 0 || r.start < at || r.start > most || r.pages > most-r.start {
			return nil, nil, fmt.Errorf("%w: run %d of %d pages at page %d", errCorrupt, i, r.pages, r.start)
		}
		at = r.start + r.pages
		runs = append(runs, r)
	}
	return runs, b, nil
}

// writePages writes the pages of the runs into file from offset on.
func writePages(file *os.File, mem []byte, runs []run, offset int64) error {
	for _, r := range runs {
		b := mem[r.start*PageSize : (r.start+r.pages)*PageSize]
		if _, err := file.WriteAt(b, offset); err != nil {
			return fmt.Errorf("writing image pages: %w", err)
		}
		offset += int64(len(b))
	}
	return nil
}

// digestOf hashes the file an image would have.
func digestOf(h header, mem []byte) string {
	sum := sha256.New()
	sum.Write(h.encode())
	for _, r := range h.pages() {
		sum.Write(mem[r.start*PageSize : (r.start+r.pages)*PageSize])
	}
	return digestPrefix + hex.EncodeToString(sum.Sum(nil))
}

const digestPrefix = "sha256:"
