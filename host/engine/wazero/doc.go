// Package wazero runs guests on wazero, which is written in Go: the engine
// of hosts that are built without cgo.
//
// A guest runs on the goroutine that calls it, and Go cannot preempt it.
// Deadlines are checked where a loop begins a new round, by wazero's own
// WithCloseOnContextDone. What that means:
//
//   - A check costs 26 ns per round of a loop (BenchmarkLoop, 2-processor
//     virtual machine): an empty loop takes 91 times as long as without
//     checks, a loop that calls a small function 22 times, recursion the same.
//   - A guest that recurses without a loop is not ended by a deadline.
//   - Between two checks nothing ends a guest: one memory.fill or
//     memory.copy over its whole memory is one step.
//   - A guest that runs keeps its processor, and while it has not reached a
//     check, the garbage collector of the whole process waits for it.
//   - A guest's call stack lives on Go's heap, grows to 400 MB, and stays
//     with its instance until that is closed.
//
// So this engine is for guests that the operator trusts. A build with cgo
// runs foreign ones on wasmtime.
package wazero
