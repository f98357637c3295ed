package image

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
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
//	64     8g   globals
//	64+8g  16r  runs: first page, number of pages
//
// Runs ascend and neither overlap nor touch zero pages count. The name of the
// file is the SHA-256 of all of it.
const (
	magic         = "SERAIIMG"
	formatVersion = 1
	fixedHeader   = 64
	maxGlobals    = 1 << 16
	maxFileRuns   = 1 << 12
	maxMemory     = 1 << 32
)

type header struct {
	size    uint64
	base    [sha256.Size]byte
	globals []uint64
	runs    []run
}

// encode returns the header with its padding.
func (h header) encode() []byte {
	n := fixedHeader + 8*len(h.globals) + 16*len(h.runs)
	padded := (n + PageSize - 1) / PageSize * PageSize
	b := make([]byte, 0, padded)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(padded)) //nolint:gosec // bounded by the counts
	b = binary.LittleEndian.AppendUint64(b, h.size)
	b = append(b, h.base[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.globals))) //nolint:gosec // at most maxGlobals
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.runs)))    //nolint:gosec // at most maxRuns
	for _, g := range h.globals {
		b = binary.LittleEndian.AppendUint64(b, g)
	}
	for _, r := range h.runs {
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
	need := int64(fixedHeader) + 8*int64(globals) + 16*int64(runs)
	switch {
	case globals > maxGlobals || runs > maxFileRuns:
		return h, 0, fmt.Errorf("%w: %d globals and %d runs", errCorrupt, globals, runs)
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
	at, total := uint64(0), uint64(0)
	for i := range runs {
		run := run{binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint64(rest[8:])}
		rest = rest[16:]
		most := h.size / PageSize
		if run.pages == 0 || run.start < at || run.start > most || run.pages > most-run.start {
			return h, 0, fmt.Errorf("%w: run %d of %d pages at page %d", errCorrupt, i, run.pages, run.start)
		}
		at = run.start + run.pages
		total += run.pages
		h.runs = append(h.runs, run)
	}
	if int64(total)*PageSize != fileSize-padded { //nolint:gosec // at most maxMemory
		return h, 0, fmt.Errorf("%w: %d bytes of pages, the runs have %d", errCorrupt, fileSize-padded, total*PageSize)
	}
	return h, padded, nil
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
	for _, r := range h.runs {
		sum.Write(mem[r.start*PageSize : (r.start+r.pages)*PageSize])
	}
	return digestPrefix + hex.EncodeToString(sum.Sum(nil))
}

const digestPrefix = "sha256:"
