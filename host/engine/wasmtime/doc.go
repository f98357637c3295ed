//go:build cgo

// Package wasmtime runs guests on wasmtime, as coroutines that Go resumes.
//
// wasmtime executes a guest on a stack of its own. When the guest calls a
// host function, or its time slice of a millisecond ends, it is suspended
// and control returns to the goroutine that called [Instance.Call]. That
// goroutine does the host call, or decides whether the guest goes on, waits
// for its turn or ends, and resumes it. So a guest that waits holds no
// thread, a guest that runs cannot keep the processor, and no Go code ever
// runs on a guest's stack.
//
// The package is a small cgo layer over the C library that wasmtime-go
// ships; only this package knows wasmtime.
package wasmtime
