package redisdb

import (
	"cmp"
	"context"
	"sync"
)

// maxWaitingBytes bounds the messages that wait, beyond one.
const maxWaitingBytes = 64 << 20

// backlog are the published messages that wait for the service, in order.
type backlog struct {
	most int

	mu    sync.Mutex
	moved *sync.Cond
	all   []push
	bytes int
	err   error // why no more come
}

func newBacklog(most int) *backlog {
	b := &backlog{most: most}
	b.moved = sync.NewCond(&b.mu)
	return b
}

// put appends a message; false if there is no room.
func (b *backlog) put(p push) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) >= b.most || len(b.all) > 0 && b.bytes+p.size() > maxWaitingBytes {
		return false
	}
	b.all, b.bytes = append(b.all, p), b.bytes+p.size()
	b.moved.Signal()
	return true
}

// take returns the first one, and waits for it; false if there is none and no
// more come, or ctx has ended.
func (b *backlog) take(ctx context.Context) (p push, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.all) == 0 && b.err == nil && ctx.Err() == nil {
		b.moved.Wait()
	}
	if len(b.all) == 0 || ctx.Err() != nil {
		return p, false
	}
	p, b.all[0] = b.all[0], push{}
	b.all, b.bytes = b.all[1:], b.bytes-p.size()
	return p, true
}

// end says why no more come, if nothing has said so before, and returns it.
func (b *backlog) end(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = cmp.Or(b.err, err)
	b.moved.Broadcast()
	return b.err
}

// left is how many have not been taken.
func (b *backlog) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all)
}
