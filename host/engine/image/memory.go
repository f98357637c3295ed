package image

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Stats tell what a reset had to do.
type Stats struct {
	DirtyPages int // pages that were copied back, or would have been
}

// ErrGrown says that a memory cannot be reset since the guest has grown it:
// WebAssembly memories do not shrink.
var ErrGrown = errors.New("the guest has grown its memory")

// remapPages is the number of dirty pages from which a reset maps the image
// anew, which gives their memory back to the system, rather than copy them.
const remapPages = 4096

// Memory is a linear memory that starts as an image. One goroutine at a time
// may use it.
type Memory struct {
	im      *Image
	region  []byte // all that is reserved; inaccessible beyond size
	size    uint64
	max     uint64
	scanner scanner
}

// NewMemory reserves address space of reserved bytes (at least most, the
// engine's guard included) and maps the image at its start. The memory can
// grow to most bytes. It retains the image until it is closed.
func NewMemory(im *Image, most, reserved uint64) (*Memory, error) {
	if im.size > most {
		return nil, fmt.Errorf("image of %d bytes is over the memory limit of %d", im.size, most)
	}
	region, err := reserve(roundUp(reserved), unix.PROT_NONE)
	if err != nil {
		return nil, fmt.Errorf("reserving memory: %w", err)
	}
	m := &Memory{im: im.Retain(), region: region, size: im.size, max: most}
	if err := m.start(); err != nil {
		_ = m.Close()
		return nil, err
	}
	return m, nil
}

func roundUp(n uint64) uint64 { return (n + PageSize - 1) &^ (PageSize - 1) }

func (m *Memory) start() error {
	m.scanner.tracker = tracker{} // what was mapped before is gone
	if m.size == 0 {
		return nil
	}
	// Huge pages would make one touched byte half a thousand dirty pages.
	_ = unix.Madvise(m.region[:m.size], unix.MADV_NOHUGEPAGE)
	if err := unix.Mprotect(m.region[:m.size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fmt.Errorf("opening memory: %w", err)
	}
	if err := m.im.mapInto(m.region, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return err
	}
	m.im.applyPatches(m.region)
	return nil
}

// Bytes returns the memory at its present size.
func (m *Memory) Bytes() []byte { return m.region[:m.size:m.size] }

// Base returns the address of the memory's first byte.
func (m *Memory) Base() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(m.region)) }

// Size returns the present size in bytes.
func (m *Memory) Size() uint64 { return m.size }

// Image returns the image that the memory started from.
func (m *Memory) Image() *Image { return m.im }

// Grow makes the memory size bytes large. It reports false, and changes
// nothing, when that is over the maximum or the system has no more.
func (m *Memory) Grow(size uint64) bool {
	if size < m.size || size > m.max || size > uint64(len(m.region)) {
		return false
	}
	if size > m.size {
		added := m.region[m.size:size]
		if unix.Mprotect(added, unix.PROT_READ|unix.PROT_WRITE) != nil {
			return false
		}
		_ = unix.Madvise(added, unix.MADV_NOHUGEPAGE)
	}
	m.size = size
	return true
}

// Sync notes that the engine has grown the memory to size bytes by itself.
func (m *Memory) Sync(size uint64) {
	if size > m.size && size <= uint64(len(m.region)) {
		m.size = size
	}
}

// Reset makes the memory byte for byte the image again. After an error,
// [ErrGrown] included, the memory must be closed.
func (m *Memory) Reset() (Stats, error) {
	if m.size != m.im.size {
		return Stats{}, ErrGrown
	}
	var st Stats
	regions, err := m.scanner.dirty(m.region[:m.size])
	if err != nil {
		return st, m.remap() // the kernel cannot tell: map it all anew
	}
	for _, r := range regions {
		st.DirtyPages += int(r.end-r.start) / PageSize //nolint:gosec // within the memory
	}
	if st.DirtyPages > remapPages {
		return st, m.remap()
	}
	for _, r := range regions {
		copy(m.region[r.start:r.end], m.im.view[r.start:r.end])
	}
	m.scanner.advance(m.region[:m.size])
	return st, nil
}

// remap replaces the memory's pages by fresh ones.
func (m *Memory) remap() error {
	if err := remapAnonymous(m.region[:m.size]); err != nil {
		return fmt.Errorf("mapping memory anew: %w", err)
	}
	return m.start()
}

// Close unmaps the memory. Closing twice is fine.
func (m *Memory) Close() error {
	if m.region == nil {
		return nil
	}
	err := unmap(m.region)
	m.region, m.size = nil, 0
	m.im.Release()
	return err
}
