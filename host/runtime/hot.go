package runtime

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/seraihost/serai/host/engine/image"
)

const (
	// hotAfter is the number of calls from which a program's image is laid
	// out for frequent use: a few of its pages more in memory, many less to
	// restore after every call.
	hotAfter = 256
	// hotBytes bounds the memory of all such layouts.
	hotBytes = 1 << 30
)

// errCold says that the program has a better image by now.
var errCold = errors.New("the instance started from the image on disk")

// layout is the image that a program's instances start from, and its change
// for a better one once the program is called often.
type layout struct {
	budget *atomic.Int64 // bytes that the layouts of all programs take
	calls  atomic.Int64

	mu      sync.Mutex
	image   *image.Image
	taken   int64 // of budget
	closed  bool
	working sync.WaitGroup
}

func (r *Runtime) newLayout(im *image.Image) *layout { return &layout{budget: &r.hot, image: im} }

// get returns the image; the caller releases it.
func (l *layout) get() *image.Image {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.image.Retain()
}

// outdated reports whether a later get returns another image than im.
func (l *layout) outdated(im *image.Image) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.image != im
}

// called counts a call.
func (l *layout) called() {
	if l.calls.Add(1) != hotAfter {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && l.budget.Load() < hotBytes {
		l.working.Go(l.heat)
	}
}

// heat makes the better image. If it cannot, the one on disk stays.
func (l *layout) heat() {
	old := l.get()
	defer old.Release()
	hot, err := old.Hot()
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || hot == old {
		hot.Release()
		return
	}
	l.image.Release()
	l.image, l.taken = hot, hot.OwnBytes()
	l.budget.Add(l.taken)
}

func (l *layout) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.working.Wait()
	l.image.Release()
	l.budget.Add(-l.taken)
}
