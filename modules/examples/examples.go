// Package examples holds small services, one a folder; see README.md. The Go
// code in the package itself only tests them.
package examples

//go:generate sh -c "cd c-hello && clang-19 --target=wasm32 -Os -ffreestanding -fno-builtin -nostdlib -I../../../guest-sdk/c -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=16384 -o hello.wasm hello.c && chmod -x hello.wasm && clang-19 --version | head -n 1 >toolchain.txt"
