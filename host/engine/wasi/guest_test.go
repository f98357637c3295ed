package wasi_test

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/fstest"
	"time"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasi"
)

// guest is a fake guest: a memory and a system, whose functions tests call.
type guest struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // a test's
	mem []byte
	sys *wasi.System
}

func (g *guest) Memory() []byte     { return g.mem }
func (g *guest) State() any         { return g }
func (g *guest) WASI() *wasi.System { return g.sys }

const memorySize = 64 << 10

func newGuest(t testing.TB) *guest {
	return &guest{t: t, ctx: t.Context(), mem: make([]byte, memorySize), sys: &wasi.System{FS: testTree(t)}}
}

var modified = time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC)

func testTree(t testing.TB) *wasi.Tree {
	t.Helper()
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), ModTime: modified} }
	tree, err := wasi.NewTree(
		wasi.Mount{Path: "/lib/python", FS: fstest.MapFS{"json/init.py": file("import re"), "re.py": file("0123456789")}},
		wasi.Mount{Path: "/app", FS: fstest.MapFS{"main.py": file("print(1)"), "data/b": file(""), "data/a": file("aaa"), "data/ü": file("")}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

var functions = func() map[string]engine.HostFunc {
	m := map[string]engine.HostFunc{}
	for _, f := range wasi.Functions() {
		m[f.Name] = f
	}
	return m
}()

// try calls a function and returns its error number.
func (g *guest) try(name string, args ...uint64) (uint64, error) {
	g.t.Helper()
	f, ok := functions[name]
	if !ok || len(f.Params) != len(args) {
		g.t.Fatalf("no function %s of %d parameters", name, len(args))
	}
	stack := append(make([]uint64, 0, 16), args...)[:max(len(args), 1)]
	for i, p := range f.Params {
		if p == engine.I32 {
			stack[i] |= 0xdead << 48 // the upper half of an i32 means nothing
		}
	}
	err := f.Do(g.ctx, g, stack)
	return stack[0], err
}

// want calls a function that must answer an error number.
func (g *guest) want(errno uint64, name string, args ...uint64) {
	g.t.Helper()
	got, err := g.try(name, args...)
	if err != nil || got != errno {
		g.t.Errorf("%s%v = %d, %v, want %d", name, args, got, err, errno)
	}
}

func (g *guest) u32(at int) uint32 { return binary.LittleEndian.Uint32(g.mem[at:]) }
func (g *guest) u64(at int) uint64 { return binary.LittleEndian.Uint64(g.mem[at:]) }

// Places in memory that tests use.
const (
	resultAt = 8
	vectorAt = 64
	pathAt   = 1024
	bufferAt = 8192
)

// path puts a path into memory and returns its address and length.
func (g *guest) path(s string) (ptr, n uint64) {
	return pathAt, uint64(copy(g.mem[pathAt:bufferAt], s))
}

// openFlags are the parameters of path_open that tests vary.
type openFlags struct{ oflags, rights uint64 }

func (g *guest) open(dir uint64, path string, f openFlags) (fd, errno uint64) {
	g.t.Helper()
	ptr, n := g.path(path)
	errno, err := g.try("path_open", dir, 0, ptr, n, f.oflags, f.rights, 0, 0, resultAt)
	if err != nil {
		g.t.Fatal(err)
	}
	return uint64(g.u32(resultAt)), errno
}

func (g *guest) mustOpen(path string) uint64 {
	g.t.Helper()
	fd, errno := g.open(3, path, openFlags{})
	if errno != 0 {
		g.t.Fatalf("opening %s: error %d", path, errno)
	}
	return fd
}

// vectors puts an array of buffers into memory: pairs of address and length.
func (g *guest) vectors(pairs ...uint32) (ptr, n uint64) {
	for i, v := range pairs {
		binary.LittleEndian.PutUint32(g.mem[vectorAt+4*i:], v)
	}
	return vectorAt, uint64(len(pairs) / 2)
}

// read reads up to n bytes of a descriptor.
func (g *guest) read(fd uint64, n uint32) string {
	g.t.Helper()
	ptr, count := g.vectors(bufferAt, n)
	g.want(0, "fd_read", fd, ptr, count, resultAt)
	return string(g.mem[bufferAt : bufferAt+g.u32(resultAt)])
}
