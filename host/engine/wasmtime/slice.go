//go:build cgo

package wasmtime

// #include "clock.h"
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// begin makes the clock tick while the caller's guest runs.
func (e *Engine) begin() {
	running := (*int64)(unsafe.Pointer(&e.clock.running))
	parked := (*int32)(unsafe.Pointer(&e.clock.parked))
	if atomic.AddInt64(running, 1) == 1 && atomic.LoadInt32(parked) != 0 {
		C.serai_clock_wake(e.clock)
	}
}

// end is the other half of begin.
func (e *Engine) end() {
	atomic.AddInt64((*int64)(unsafe.Pointer(&e.clock.running)), -1)
}
