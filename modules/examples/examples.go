// Package examples holds small services, one a folder; see README.md. The Go
// code in the package itself only tests them.
package examples

//go:generate sh -c "cd c-hello && clang-19 --target=wasm32 -Os -ffreestanding -fno-builtin -I../../../guest-sdk/c -c -o hello.o hello.c && wasm-ld-19 --no-entry --strip-all -z stack-size=16384 -o hello.wasm hello.o && rm hello.o && chmod -x hello.wasm && clang-19 --version | head -n 1 >toolchain.txt"
