//go:build cgo

package wasmtime

// #include "guest.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/seraihost/serai/host/engine"
)

// reasons are the trap codes of wasmtime in the order of their numbers.
var reasons = []string{
	"call stack exhausted", "out of bounds memory access", "misaligned memory access",
	"out of bounds table access", "call to a null function", "indirect call with another signature",
	"integer overflow", "integer division by zero", "bad conversion to integer", "unreachable executed",
	"interrupted",
}

// maxFrames bounds the backtrace of a trap.
const maxFrames = 32

// failure takes what ended the call.
func (i *Instance) failure() error {
	g := i.guest
	if g.error != nil {
		err := takeError(g.error)
		g.error = nil
		return fmt.Errorf("running guest: %w", err)
	}
	t := &engine.Trap{Reason: trapReason(g.trap), Backtrace: backtrace(g.trap)}
	C.wasm_trap_delete(g.trap)
	g.trap = nil
	return t
}

func trapReason(trap *C.wasm_trap_t) string {
	var code C.uint8_t
	if C.wasmtime_trap_code(trap, &code) && int(code) < len(reasons) {
		return reasons[code]
	}
	var msg C.wasm_byte_vec_t
	C.wasm_trap_message(trap, &msg)
	defer C.wasm_byte_vec_delete(&msg)
	first, _, _ := strings.Cut(C.GoStringN(msg.data, C.int(msg.size)), "\n")
	return strings.TrimRight(first, "\x00")
}

func backtrace(trap *C.wasm_trap_t) string {
	var frames C.wasm_frame_vec_t
	C.wasm_trap_trace(trap, &frames)
	defer C.wasm_frame_vec_delete(&frames)
	var b strings.Builder
	for n, f := range unsafe.Slice(frames.data, int(frames.size)) {
		if n == maxFrames {
			fmt.Fprintf(&b, "… and %d more\n", int(frames.size)-n)
			break
		}
		if name := C.wasmtime_frame_func_name(f); name != nil {
			fmt.Fprintf(&b, "%s\n", C.GoStringN(name.data, C.int(name.size)))
		} else {
			fmt.Fprintf(&b, "function %d\n", uint32(C.wasm_frame_func_index(f)))
		}
	}
	return b.String()
}
