package pool

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// patience is how long an operation waits for room in its tenant's budget.
const patience = 2 * time.Second

// budget bounds what the operations of one tenant take of the host together:
// their number, and the bytes of requests and replies that the host holds.
//
// A connection takes only as much as it leaves to the others. So one whose
// system is slow ends up with half, a second such one with a third each, and
// there is always room for one that works.
type budget struct {
	mu      sync.Mutex
	ops     int
	bytes   int64
	waiting int
	queues  []*share // shares with waiters; the first is served first
}

// share is what one connection has of its tenant's budget. The budget's lock
// guards the rest.
type share struct {
	budget  *budget
	ops     int
	bytes   int64
	waiters []*waiter
}

// waiter is an operation that waits for room.
type waiter struct {
	need
	ready chan struct{}
}

// need is what an operation asks for, and what its tenant may have.
type need struct {
	bytes, maxBytes int64
	maxOps          int
}

// needOf returns the need of an operation that holds bytes.
func needOf(q *host.Quota, bytes int64) need {
	n := need{bytes: bytes, maxBytes: int64(q.OperationBytes), maxOps: q.Operations}
	if n.maxOps <= 0 || n.maxBytes <= 0 { // a tenant of before there was such a quota
		d := host.DefaultQuota()
		n.maxOps, n.maxBytes = d.Operations, int64(d.OperationBytes)
	}
	return n
}

// fits reports whether there is room. The budget is locked.
func (s *share) fits(n need) bool {
	b := s.budget
	if s.ops >= n.maxOps-b.ops {
		return false
	}
	left := n.maxBytes - b.bytes
	return n.bytes == 0 || b.bytes == 0 || n.bytes <= left && (s.bytes == 0 || s.bytes+n.bytes <= left)
}

// take counts an operation in. The budget is locked.
func (s *share) take(bytes int64) {
	s.ops++
	s.bytes += bytes
	s.budget.ops++
	s.budget.bytes += bytes
}

// enter counts an operation in, as soon as there is room.
func (s *share) enter(ctx context.Context, n need) error {
	b := s.budget
	b.mu.Lock()
	if len(s.waiters) == 0 && s.fits(n) {
		s.take(n.bytes)
		b.mu.Unlock()
		return nil
	}
	if b.waiting >= n.maxOps {
		b.mu.Unlock()
		return n.refusal()
	}
	w := &waiter{need: n, ready: make(chan struct{})}
	if len(s.waiters) == 0 {
		b.queues = append(b.queues, s)
	}
	s.waiters = append(s.waiters, w)
	b.waiting++
	b.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	err := n.refusal()
	select {
	case <-w.ready:
		return nil
	case <-timer.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(s.waiters, w)
	if i < 0 { // there is room this moment
		return nil
	}
	s.remove(i)
	b.serve() // those behind it may need less
	return err
}

func (n need) refusal() error {
	return &host.Error{
		Code: abi.Limit, RetryAfter: firstPause,
		Message: "the operations of the tenant's connections are too many or too large at a time: the quota is " +
			host.Bytes(n.maxBytes).String() + " in " + strconv.Itoa(n.maxOps) + " operations, and one connection takes no more of it than is left for others",
	}
}

// remove takes a waiter out. The budget is locked.
func (s *share) remove(i int) {
	b := s.budget
	b.waiting--
	s.waiters = slices.Delete(s.waiters, i, i+1)
	if len(s.waiters) == 0 {
		s.waiters = nil
		b.queues = slices.DeleteFunc(b.queues, func(q *share) bool { return q == s })
	}
}

// leave counts an operation out that was let in with bytes, of which keep are
// held on, if there is room for them.
func (s *share) leave(bytes, keep, maxBytes int64) (kept bool) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	s.ops--
	s.bytes -= bytes
	b.ops--
	b.bytes -= bytes
	if kept = keep == 0 || b.bytes == 0 || b.bytes+keep <= maxBytes; kept {
		s.bytes += keep
		b.bytes += keep
	}
	b.serve()
	return kept
}

// free returns bytes that were held on.
func (s *share) free(bytes int64) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	s.bytes -= bytes
	b.bytes -= bytes
	b.serve()
}

// serve lets in who waits and fits, one of each connection in turn.
func (b *budget) serve() {
	for i := 0; i < len(b.queues); {
		s := b.queues[i]
		w := s.waiters[0]
		if !s.fits(w.need) {
			i++
			continue
		}
		s.take(w.bytes)
		s.remove(0)
		close(w.ready)
		if i < len(b.queues) && b.queues[i] == s {
			b.queues = append(slices.Delete(b.queues, i, i+1), s) // to the end
		}
		i = 0
	}
}
