// Package python holds CPython as one WebAssembly module, and the standard
// library that services see at /lib.
//
// build.sh makes both from pinned sources; README.md says how and why.
package python

import _ "embed"

//go:embed python.wasm
var module []byte

//go:embed stdlib.zip
var stdlib []byte

// Module returns CPython, a WASI reactor that exports serai_boot, serai_init
// and serai_handle. It must not be modified.
func Module() []byte { return module }

// Stdlib returns the standard library and the package serai, compiled, as a
// zip archive. It must not be modified.
func Stdlib() []byte { return stdlib }
