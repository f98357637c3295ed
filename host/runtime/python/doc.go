// Package python makes Python services out of uploaded sources: it reads the
// bundle, finds the file to load and says how CPython is asked to load it.
//
// The interpreter itself is the module of package modules/python; its
// standard library is the file system [Library], which services see at
// [LibraryPath] beside their own files at [AppPath].
package python
