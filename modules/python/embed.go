// Package python holds CPython as one WebAssembly module, and the standard
// library and the SDK that services see at /lib.
//
// build.sh makes module and library from pinned sources, packsdk the SDK;
// README.md says how and why.
package python

import _ "embed"

//go:generate go run ./packsdk

//go:embed python.wasm
var module []byte

//go:embed stdlib.zip
var stdlib []byte

//go:embed sdk.zip
var sdk []byte

// Module returns CPython, a WASI reactor that exports serai_boot, serai_init
// and serai_handle. It must not be modified.
func Module() []byte { return module }

// Stdlib returns the standard library, compiled, as a zip archive. It must not
// be modified.
func Stdlib() []byte { return stdlib }

// SDK returns the packages of guest-sdk/python and extra, compiled, as a zip
// archive. It must not be modified.
func SDK() []byte { return sdk }
