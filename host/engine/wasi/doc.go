// Package wasi is WASI preview 1 for guests on every engine: the functions
// of the import module [ModuleName] as plain host functions over a [System],
// which holds what one call may see.
//
// It gives no ambient authority. Files are a read-only [Tree] of in-memory
// file systems below the one preopened directory "/", which is descriptor 3;
// there are no sockets, no processes and no host paths. Standard input,
// output and error are a reader and two writers of the host.
//
// All functions of preview 1 exist, so that any program links. What a
// read-only system cannot do answers with the error number that POSIX has
// for it: EROFS for a change by path, EBADF for writing to a descriptor that
// was opened for reading, ENOTSOCK for a socket call.
//
// Numbers and layouts are those of snapshot_preview1: the files
// typenames.witx and wasi_snapshot_preview1.witx of the WASI repository.
// Multi-byte numbers are little-endian. A pointer or length outside of
// linear memory answers EFAULT and changes nothing.
package wasi

// ModuleName is the WebAssembly module name from which guests import WASI.
const ModuleName = "wasi_snapshot_preview1"
