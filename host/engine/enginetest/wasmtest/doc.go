// Package wasmtest assembles small WebAssembly modules for tests: guests
// that do one thing, honest or hostile, without a compiler. What it writes
// is not checked, so that tests can also make modules that no engine accepts.
//
// The format is that of the WebAssembly core specification 2.0, chapter 5.
package wasmtest
