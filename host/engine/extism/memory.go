package extism

import (
	"fmt"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// budget allocates the linear memories of one instance, the plugin's and the
// Extism kernel's, out of one sum. One goroutine uses it at a time.
type budget struct {
	limit, used uint64
	refused     bool // the plugin asked for more than there is
	closed      bool // wazero gave up one of the memories
	failure     error
	all         []*linear
}

// Allocate implements [experimental.MemoryAllocator].
func (b *budget) Allocate(_, most uint64) experimental.LinearMemory {
	l := &linear{budget: b, most: min(most, b.limit)}
	b.all = append(b.all, l)
	return l
}

// release gives the memories back. wazero's Free comes too early for that: a
// module that is closed while it runs may be looked at afterwards.
func (b *budget) release() error {
	var err error
	for _, l := range b.all {
		if len(l.mapped) > 0 {
			if e := unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(l.mapped)), uintptr(len(l.mapped))); e != nil {
				err = fmt.Errorf("unmapping memory: %w", e)
			}
		}
		l.mapped, l.size = nil, 0
	}
	b.all, b.used = nil, 0
	return err
}

// linear is one memory: address space for the most that it may hold, of which
// the system provides what is touched.
type linear struct {
	budget     *budget
	most, size uint64
	mapped     []byte
}

// Reallocate implements [experimental.LinearMemory].
func (l *linear) Reallocate(size uint64) []byte {
	b := l.budget
	if size > l.most || size > l.size && size-l.size > b.limit-b.used {
		b.refused = true
		return nil
	}
	if l.mapped == nil && l.most > 0 {
		p, err := unix.MmapPtr(-1, 0, nil, uintptr(l.most), unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
		if err != nil {
			b.failure = fmt.Errorf("mapping memory: %w", err)
			return nil
		}
		l.mapped = unsafe.Slice((*byte)(p), l.most)
	}
	if size > l.size {
		b.used += size - l.size
		l.size = size
	}
	return l.mapped[:l.size:l.most]
}

// Free implements [experimental.LinearMemory].
func (l *linear) Free() { l.budget.closed = true }
