// Package wasm reads and rewrites WebAssembly modules: it tells what a
// foreign module is and needs, refuses what no engine here runs, and
// prepares the rest to start from an image.
package wasm
