// Package wasm reads and rewrites WebAssembly modules: it tells what a
// foreign module is and needs, refuses what no engine here runs, and
// prepares the rest to start from an image.
//
// [Inspect] takes the binary format of the WebAssembly core specification
// 2.0 without vector instructions. It checks everything that it relies on
// and walks over every instruction once, but it leaves the typing of
// function bodies to the engine that compiles the result.
//
// The rewritten module differs from the original in five ways, none of which
// its code can see:
//
//   - active data segments are empty passive ones; [Module.InitialMemory]
//     applies their bytes to the memory of a first start, and an image
//     replaces them afterwards;
//   - every mutable global of a number type is exported under a name that
//     begins with [ReservedPrefix];
//   - a start section is gone and its function exported as [StartExport];
//   - the memory is exported as "memory";
//   - custom sections other than "name" are gone.
package wasm
