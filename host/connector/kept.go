package connector

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Kept is what calls hold in a connection between their operations, such as
// transactions and cursors. Each value has an id by which its own call finds it
// and no other does, and it ends with that call at the latest.
//
// The zero value is ready for use, by several goroutines.
type Kept[T any] struct {
	mu   sync.Mutex
	held map[string]kept[T]
}

// kept is a value and the call that holds it.
type kept[T any] struct {
	value  T
	tenant string
	call   uint64
	forget func() bool // that the call's end ends it
}

// MaxKept bounds what all calls together hold in a connection.
const MaxKept = 1000

// Keep holds a value for the call that r is part of, and returns its id. If it
// is still held when the call ends, which ctx tells, it is dropped and end is
// called, in a goroutine of its own. An error has the code Limit and leaves the
// value to the caller.
func (k *Kept[T]) Keep(ctx context.Context, r *Request, value T, end func()) (id string, err error) {
	id = rand.Text()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.held) >= MaxKept {
		return "", host.Errorf(abi.Limit, "calls hold %d transactions, cursors or watches in the connection; end them sooner", MaxKept)
	}
	if k.held == nil {
		k.held = make(map[string]kept[T])
	}
	k.held[id] = kept[T]{value, r.Scope.Tenant, r.Scope.Call, context.AfterFunc(ctx, func() {
		if k.Drop(id) {
			end()
		}
	})}
	return id, nil
}

// Find returns what the call that r is part of holds under an id, if anything.
func (k *Kept[T]) Find(r *Request, id string) (value T, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	one, ok := k.held[id]
	if !ok || one.tenant != r.Scope.Tenant || one.call != r.Scope.Call {
		return value, false
	}
	return one.value, true
}

// Drop has a value, which Find has returned, held no more. It reports whether it
// was: exactly one of all who drop a value is told so, and ends it.
func (k *Kept[T]) Drop(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	one, ok := k.held[id]
	if ok {
		one.forget()
		delete(k.held, id)
	}
	return ok
}
