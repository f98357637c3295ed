//go:build cgo

package wasmtime

// #include "guest.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/fair"
)

// Instance is an [engine.Instance].
type Instance struct {
	module *Module
	guest  *C.serai_guest
	mem    *image.Memory
	tier   int32 // of the module's code when it started
	funcs  map[string]C.uint32_t
	state  any
}

var (
	_ engine.Instance = (*Instance)(nil)
	_ engine.Guest    = (*Instance)(nil)
)

// State implements [engine.Guest].
func (i *Instance) State() any { return i.state }

// Memory implements [engine.Instance] and [engine.Guest].
func (i *Instance) Memory() []byte {
	i.mem.Sync(uint64(i.guest.memory_size))
	return i.mem.Bytes()
}

// Globals implements [engine.Instance].
func (i *Instance) Globals() []uint64 {
	C.serai_guest_get_globals(i.guest)
	return append([]uint64(nil), i.globalValues()...)
}

func (i *Instance) globalValues() []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(i.guest.global_values)), int(i.guest.nglobals))
}

func (i *Instance) setGlobals(values []uint64) error {
	if len(values) != int(i.guest.nglobals) {
		return fmt.Errorf("the image has %d globals, the module %d", len(values), int(i.guest.nglobals))
	}
	copy(i.globalValues(), values)
	if !C.serai_guest_set_globals(i.guest) {
		return fmt.Errorf("setting globals of the image")
	}
	return nil
}

// errOutdated says that the module has better code by now.
var errOutdated = errors.New("the instance runs code that was compiled quickly")

// Reset implements [engine.Instance].
func (i *Instance) Reset() (image.Stats, error) {
	if i.tier != i.module.tier.Load() {
		return image.Stats{}, errOutdated
	}
	i.mem.Sync(uint64(i.guest.memory_size))
	st, err := i.mem.Reset()
	if err != nil {
		return st, err
	}
	return st, i.setGlobals(i.mem.Image().Globals())
}

// Close implements [engine.Instance].
func (i *Instance) Close() error {
	if i.guest == nil {
		return nil
	}
	C.serai_guest_delete(i.guest)
	i.guest = nil
	return i.mem.Close()
}

// Call implements [engine.Instance].
func (i *Instance) Call(ctx context.Context, c *engine.Call, function string, args ...uint64) (uint64, error) {
	kinds, ok := i.module.kinds[function]
	if !ok || len(args) != len(kinds.params) {
		return 0, fmt.Errorf("calling %q: the module has no such function of %d integers", function, len(args))
	}
	f, err := i.function(function)
	if err != nil {
		return 0, err
	}
	copy(unsafe.Slice((*uint64)(unsafe.Pointer(&i.guest.arg[0])), C.SERAI_MAX_ARGS), args)
	i.state = c.State
	r := run{Instance: i, ctx: ctx, call: c, turns: i.module.engine.turns}
	r.deadline, r.bounded = ctx.Deadline()
	err = r.run(f, kinds)
	i.state = nil
	if err != nil {
		return 0, err
	}
	return uint64(i.guest.result), nil
}

func (i *Instance) function(name string) (C.uint32_t, error) {
	if f, ok := i.funcs[name]; ok {
		return f, nil
	}
	n := C.serai_guest_find_func(i.guest, text(name), C.size_t(len(name)))
	if n < 0 {
		return 0, fmt.Errorf("calling %q: the instance has no such function", name)
	}
	if i.funcs == nil {
		i.funcs = make(map[string]C.uint32_t)
	}
	i.funcs[name] = C.uint32_t(n)
	return C.uint32_t(n), nil
}

// run is one call in progress.
type run struct {
	*Instance
	ctx      context.Context //nolint:containedctx // lives as long as the call
	call     *engine.Call
	turns    *fair.Gate
	deadline time.Time
	bounded  bool
}

// run resumes the guest, slice by slice, until it is done.
func (r *run) run(f C.uint32_t, kinds exportKinds) error {
	held := r.call.Held
	if !held {
		if err := r.turns.Enter(r.ctx, r.call.Key, 1); err != nil {
			return err
		}
	}
	e := r.module.engine
	e.begin()
	running := true
	defer func() {
		if running {
			e.end()
		}
		if running && !held {
			r.turns.Leave(1)
		}
		r.call.Held = held && running
	}()
	start := time.Now()
	status := C.serai_guest_call(r.guest, f, (*C.uint8_t)(unsafe.SliceData(kinds.params)),
		C.uint32_t(len(kinds.params)), C.uint32_t(kinds.results))
	for {
		now := time.Now()
		r.call.Used += now.Sub(start)
		start = now
		switch status {
		case C.SERAI_DONE:
			return nil
		case C.SERAI_FAILED:
			return r.failure()
		case C.SERAI_YIELD:
			if err := r.check(now); err != nil {
				C.serai_guest_abort(r.guest)
				return err
			}
			if r.turns.Contended() {
				running = false
				if err := r.pause(func() error { return nil }); err != nil {
					return err
				}
				running = true
				start = time.Now()
			}
		case C.SERAI_HOST:
			f := &e.host[r.guest.host_func]
			if f.Blocks && !r.ready(f) {
				running = false
				if err := r.pause(func() error { return r.do(f) }); err != nil {
					return err
				}
				running = true
				start = time.Now()
			} else if err := r.do(f); err != nil {
				C.serai_guest_abort(r.guest)
				return err
			}
		}
		status = C.serai_guest_resume(r.guest)
	}
}

// check ends a guest whose time is over.
func (r *run) check(now time.Time) error {
	if r.bounded && now.After(r.deadline) {
		return context.DeadlineExceeded
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.call.CPU > 0 && r.call.Used > r.call.CPU {
		return engine.ErrCPU
	}
	return nil
}

// pause gives the turn away, does what the guest waits for and takes a turn
// again. After an error the guest has been ended and the turn is not held.
func (r *run) pause(wait func() error) error {
	e := r.module.engine
	e.end()
	r.turns.Leave(1)
	err := wait()
	if err == nil {
		err = r.ctx.Err()
	}
	if err == nil {
		err = r.turns.Enter(r.ctx, r.call.Key, 1)
	}
	if err != nil {
		C.serai_guest_abort(r.guest)
		return err
	}
	e.begin()
	return nil
}

// ready reports whether a function that may wait need not do so now.
func (r *run) ready(f *engine.HostFunc) bool {
	return f.Ready != nil && f.Ready(r.Instance, r.stack())
}

// do performs the host call that the guest waits for.
func (r *run) do(f *engine.HostFunc) error {
	return f.Do(r.ctx, r.Instance, r.stack())
}

// stack holds the parameters of the host call and takes its result.
func (r *run) stack() []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(&r.guest.host_stack[0])), C.SERAI_MAX_ARGS)
}
