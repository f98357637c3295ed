package wasi

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/seraihost/serai/host/engine"
)

// procExit ends the call with *engine.Exit.
//
//	proc_exit(status i32)
var procExit = engine.HostFunc{
	Module: ModuleName, Name: "proc_exit",
	Params: []engine.ValueType{engine.I32},
	Do: func(_ context.Context, _ engine.Guest, stack []uint64) error {
		return &engine.Exit{Status: uint32(stack[0])}
	},
}

// procRaise would send a signal to the process; there are none.
//
//	proc_raise(signal i32) errno
//
// Errors: ENOSYS always.
func procRaise(*call) (errno, error) { return errNoSys, nil }

// schedYield lets others run.
//
//	sched_yield() errno
func schedYield(c *call) (errno, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	runtime.Gosched()
	return success, nil
}

// randomStep is how much randomness is made before asking whether the call
// has ended.
const randomStep = 64 << 10

// randomGet fills memory with randomness of [System].Random.
//
//	random_get(ptr, len i32) errno
//
// Errors: EFAULT when the range is not in memory.
func randomGet(c *call) (errno, error) {
	b, ok := c.mem.bytes(c.u32(0), c.u32(1))
	if !ok {
		return errFault, nil
	}
	for len(b) > 0 {
		if err := c.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := io.ReadFull(c.sys.random(), b[:min(len(b), randomStep)])
		if err != nil {
			return 0, fmt.Errorf("reading randomness: %w", err)
		}
		b = b[n:]
	}
	return success, nil
}

// sockAny answers every function on sockets, since no descriptor is one.
//
// Errors: EBADF when the descriptor is not open, otherwise ENOTSOCK.
func sockAny(c *call) (errno, error) {
	if c.sys.file(c.u32(0)) == nil {
		return errBadFD, nil
	}
	return errNotSocket, nil
}
