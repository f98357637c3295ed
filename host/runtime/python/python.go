package python

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"sync"

	"github.com/seraihost/serai/modules/python"
)

// Version is the version of CPython.
const Version = "3.13.15"

// Where a service finds its files.
const (
	LibraryPath = "/lib" // the standard library and the packages of the SDK
	AppPath     = "/app" // the author's files
)

// Module returns CPython as a WebAssembly module. It must not be modified.
func Module() []byte { return python.Module() }

// Digest names the runtime: module, library and SDK together; it is part of the
// identity of every version that runs on it.
func Digest() string { return digest() }

var digest = sync.OnceValue(func() string {
	h := sha256.New()
	for _, part := range [][]byte{python.Module(), python.Stdlib(), python.SDK()} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
})

// Library returns the standard library and the packages of the SDK. It is
// read-only, in memory and safe for concurrent use; a file is decompressed
// when it is first opened.
func Library() (fs.FS, error) { return library() }

var library = sync.OnceValues(func() (fs.FS, error) {
	f := newFiles()
	err := errors.Join(f.addZip(python.Stdlib()), f.addZip(python.SDK()))
	f.seal()
	return f, err
})

// LibraryWith returns the library and the packages of a further archive.
func LibraryWith(archive []byte) (fs.FS, error) {
	f := newFiles()
	err := errors.Join(f.addZip(python.Stdlib()), f.addZip(python.SDK()), f.addZip(archive))
	f.seal()
	return f, err
}

// SourceLibrary returns the standard library and modules that are given as
// sources, by their paths. It serves to compile those.
func SourceLibrary(sources map[string][]byte) (fs.FS, error) {
	f := newFiles()
	errs := []error{f.addZip(python.Stdlib())}
	for name, source := range sources {
		errs = append(errs, f.add(name, int64(len(source)), func() ([]byte, error) { return source, nil }))
	}
	f.seal()
	return f, errors.Join(errs...)
}
