// Package engine is the contract between the host and what runs WebAssembly:
// an [Engine] compiles a [Module], a module starts an [Instance] from an
// image, an instance is called, reset to its image and called again.
//
// Implementations live in the packages below; engine/enginetest is the suite
// that each of them passes.
package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
	"github.com/seraihost/serai/host/fair"
)

// Engine compiles modules. It is safe for concurrent use.
type Engine interface {
	// Name is "wasmtime" or "wazero".
	Name() string
	// Compile prepares a module that wasm.Inspect accepted. The result is
	// kept in the engine's cache directory under the module's digest, so a
	// second Compile of the same bytes, in any process, is fast.
	Compile(ctx context.Context, m *wasm.Module) (Module, error)
	// Close releases the engine after all its modules and instances.
	Close() error
}

// Module is a compiled module. It is safe for concurrent use.
type Module interface {
	// Instantiate starts an instance whose linear memory and mutable
	// globals are those of im, and whose memory never exceeds maxMemory
	// bytes. It retains im until the instance is closed.
	Instantiate(ctx context.Context, im *image.Image, maxMemory uint64) (Instance, error)
	// Close releases the compiled code after the last instance.
	Close() error
}

// Instance is a running module. One goroutine at a time may use it.
type Instance interface {
	// Call calls an exported function whose parameters and at most one
	// result are integers, and returns that result (0 if it has none).
	//
	// It returns *[Trap] when the guest trapped, *[Exit] when it called
	// proc_exit, the context's error when ctx ended first (also while a host
	// call was blocked), [ErrCPU] when the CPU budget ran out, and the host
	// function's own error when one failed. After any error the instance
	// must be closed, not reset.
	Call(ctx context.Context, c *Call, function string, args ...uint64) (uint64, error)
	// Memory returns the linear memory. The slice is valid until the next
	// Call, Reset or Close.
	Memory() []byte
	// Globals returns the mutable globals' values in the order of
	// wasm.Module.Globals.
	Globals() []uint64
	// Reset makes memory and globals those of the image again. When it
	// returns an error the instance must be closed, which is no fault: the
	// guest grew its memory (image.ErrGrown), or a new instance would be faster.
	Reset() (image.Stats, error)
	// Close releases the instance. Closing twice is fine.
	Close() error
}

// Call is what a call carries besides its arguments.
type Call struct {
	// State is handed to host functions by [Guest.State].
	State any
	// Key names who pays for the processor: waiting guests of different
	// keys take turns. It is the tenant's name.
	Key string
	// CPU is the budget of processor time, 0 for none.
	CPU time.Duration
	// Used is set by the engine: processor time that the guest took.
	Used time.Duration
	// Held says that the caller has a turn of [TurnTaker.Turns] already, so
	// that the engine need not take one. The engine clears it when the call
	// ended without a turn, which the caller then must not give back.
	Held bool
}

// TurnTaker is an engine that runs only so many guests at a time. Who takes a
// turn before it looks for an instance uses as few of them as run at a time,
// and so finds their memory in the processor's cache.
type TurnTaker interface {
	// Turns are the turns, one unit each; the key of a turn is [Call.Key].
	Turns() *fair.Gate
}

// Guest is what a host function sees of the instance that called it.
type Guest interface {
	// Memory returns the whole linear memory; valid until the host
	// function returns or the guest runs again.
	Memory() []byte
	// State returns the State of the running [Call].
	State() any
}

// ValueType is the type of a parameter or result, as the binary format
// encodes it (WebAssembly core specification, section 5.3.1).
type ValueType = byte

// The value types of host functions.
const (
	I32 ValueType = 0x7f
	I64 ValueType = 0x7e
)

// HostFunc is a function that guests import: a documented value and one pure
// function. Do may block as long as ctx is not done; on wasmtime a guest
// that waits in it holds no thread.
type HostFunc struct {
	Module, Name    string
	Params, Results []ValueType
	// Blocks says that Do may wait for something. On wasmtime the guest
	// then gives up its turn on a processor meanwhile.
	Blocks bool
	// Ready, if not nil, says of a function that Blocks whether it need not
	// wait this time, so that the guest keeps its turn.
	Ready func(g Guest, stack []uint64) bool
	// Do reads its parameters from stack and writes its result, if any, to
	// stack[0]; an i32 is in the lower half. len(stack) is at least 1. An
	// error ends the whole call with that error.
	Do func(ctx context.Context, g Guest, stack []uint64) error
}

// Trap is a fault of the guest: unreachable, out of bounds, stack exhausted.
type Trap struct {
	Reason    string // the engine's word for it
	Backtrace string // function names, innermost first, if the module has names
}

func (t *Trap) Error() string { return "guest trapped: " + t.Reason }

// Exit is the guest's own end by proc_exit.
type Exit struct{ Status uint32 }

func (e *Exit) Error() string { return fmt.Sprintf("guest exited with status %d", e.Status) }

// ErrCPU says that the call used up its CPU budget.
var ErrCPU = errors.New("CPU budget used up")
