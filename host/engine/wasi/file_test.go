package wasi_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/engine/wasi"
)

func TestPreopen(t *testing.T) {
	g := newGuest(t)
	g.want(0, "fd_prestat_get", 3, resultAt)
	if g.u32(resultAt) != 0 || g.u32(resultAt+4) != 1 {
		t.Errorf("prestat %d, %d", g.u32(resultAt), g.u32(resultAt+4))
	}
	g.want(0, "fd_prestat_dir_name", 3, 100, 1)
	if g.mem[100] != '/' {
		t.Errorf("name %q", g.mem[100])
	}
	g.want(nameTooLong, "fd_prestat_dir_name", 3, 100, 0)
	for _, fd := range []uint64{0, 1, 2, 4, 0xffff_ffff} {
		g.want(badFD, "fd_prestat_get", fd, resultAt)
		g.want(badFD, "fd_prestat_dir_name", fd, 100, 1)
	}
	g.want(fault, "fd_prestat_get", 3, memorySize-7)
}

func TestFdstat(t *testing.T) {
	g := newGuest(t)
	file := g.mustOpen("app/main.py")
	for fd, want := range map[uint64]byte{0: 0, 1: 0, 2: 0, 3: 3, file: 4} {
		g.want(0, "fd_fdstat_get", fd, 100)
		if g.mem[100] != want {
			t.Errorf("type %d of descriptor %d, want %d", g.mem[100], fd, want)
		}
	}
	g.want(0, "fd_fdstat_set_flags", file, 4)
	g.want(0, "fd_fdstat_get", file, 100)
	if g.mem[102] != 4 {
		t.Errorf("flags %d", g.mem[102])
	}
	g.want(invalid, "fd_fdstat_set_flags", file, 32)
	g.want(notCapable, "fd_fdstat_set_rights", file, 1<<6, 0)
	g.want(0, "fd_fdstat_set_rights", file, 0, 0)
	ptr, n := g.vectors(bufferAt, 1)
	g.want(badFD, "fd_read", file, ptr, n, resultAt)
	g.want(badFD, "fd_pread", file, ptr, n, 0, resultAt)
	g.want(badFD, "fd_fdstat_get", 50, 100)
	g.want(fault, "fd_fdstat_get", 3, memorySize-23)
}

func TestReadSeek(t *testing.T) {
	g := newGuest(t)
	fd := g.mustOpen("lib/python/re.py")
	if got := g.read(fd, 4); got != "0123" {
		t.Errorf("read %q", got)
	}
	ptr, n := g.vectors(bufferAt, 2, 0, 0, bufferAt+2, 1, bufferAt+3, 100)
	g.want(0, "fd_read", fd, ptr, n, resultAt)
	if got := string(g.mem[bufferAt : bufferAt+g.u32(resultAt)]); got != "456789" {
		t.Errorf("read %q", got)
	}
	if got := g.read(fd, 4); got != "" {
		t.Errorf("read %q at the end", got)
	}
	for _, test := range []struct {
		offset int64
		whence uint64
		errno  uint64
		at     uint64
	}{
		{3, 0, 0, 3},
		{2, 1, 0, 5},
		{-1, 1, 0, 4},
		{-2, 2, 0, 8},
		{5, 2, 0, 15},
		{-1, 0, invalid, 0},
		{-11, 2, invalid, 0},
		{-1 << 63, 1, invalid, 0},
		{0, 3, invalid, 0},
		{1<<63 - 1, 1, invalid, 0},
	} {
		g.want(test.errno, "fd_seek", fd, uint64(test.offset), test.whence, resultAt)
		if test.errno == 0 && g.u64(resultAt) != test.at {
			t.Errorf("seek(%d, %d) = %d, want %d", test.offset, test.whence, g.u64(resultAt), test.at)
		}
	}
	g.want(0, "fd_tell", fd, resultAt)
	if g.u64(resultAt) != 15 {
		t.Errorf("tell %d", g.u64(resultAt))
	}
	if got := g.read(fd, 4); got != "" {
		t.Errorf("read %q beyond the end", got)
	}
	ptr, n = g.vectors(bufferAt, 3)
	g.want(0, "fd_pread", fd, ptr, n, 7, resultAt)
	if got := string(g.mem[bufferAt : bufferAt+3]); got != "789" {
		t.Errorf("pread %q", got)
	}
	g.want(invalid, "fd_pread", fd, ptr, n, 1<<63, resultAt)
	g.want(0, "fd_advise", fd, 0, 0, 5)
	g.want(invalid, "fd_advise", fd, 0, 0, 6)
	for _, name := range []string{"fd_tell"} {
		g.want(seekPipe, name, 1, resultAt)
		g.want(badFD, name, 3, resultAt)
	}
	g.want(seekPipe, "fd_seek", 0, 0, 0, resultAt)
	g.want(fault, "fd_seek", fd, 0, 0, memorySize-7)
}

func TestVectors(t *testing.T) {
	g := newGuest(t)
	fd := g.mustOpen("app/main.py")
	g.want(invalid, "fd_read", fd, vectorAt, 1025, resultAt)
	g.want(fault, "fd_read", fd, memorySize-7, 1, resultAt)
	g.want(fault, "fd_read", fd, vectorAt, 1, memorySize-3)
	for _, pair := range [][2]uint32{{memorySize, 1}, {memorySize - 1, 2}, {0xffff_ffff, 0xffff_ffff}, {0, memorySize + 1}} {
		ptr, n := g.vectors(bufferAt, 1, pair[0], pair[1])
		g.want(fault, "fd_read", fd, ptr, n, resultAt)
		g.want(fault, "fd_write", 1, ptr, n, resultAt)
	}
	if got := g.read(fd, 100); got != "print(1)" {
		t.Errorf("a failed read took something: %q is left", got)
	}
	// The buffer is the array itself.
	fd = g.mustOpen("app/main.py")
	ptr, n := g.vectors(vectorAt, 8, bufferAt, 8)
	g.want(0, "fd_read", fd, ptr, n, resultAt)
	if got := string(g.mem[vectorAt : vectorAt+8]); got != "print(1)" {
		t.Errorf("read %q over the array", got)
	}
}

func TestStreams(t *testing.T) {
	g := newGuest(t)
	var out, err bytes.Buffer
	g.sys.Stdin, g.sys.Stdout, g.sys.Stderr = strings.NewReader("input"), &out, &err
	if got := g.read(0, 3) + g.read(0, 100) + g.read(0, 100); got != "input" {
		t.Errorf("standard input %q", got)
	}
	copy(g.mem[bufferAt:], "hello\n")
	ptr, n := g.vectors(bufferAt, 5, bufferAt+5, 1)
	g.want(0, "fd_write", 1, ptr, n, resultAt)
	g.want(0, "fd_write", 2, ptr, n, resultAt)
	if out.String() != "hello\n" || err.String() != "hello\n" || g.u32(resultAt) != 6 {
		t.Errorf("output %q, error %q, %d bytes", &out, &err, g.u32(resultAt))
	}
	g.want(badFD, "fd_write", 0, ptr, n, resultAt)
	g.want(badFD, "fd_write", 3, ptr, n, resultAt)
	g.want(badFD, "fd_write", g.mustOpen("app/main.py"), ptr, n, resultAt)
	g.want(badFD, "fd_read", 1, ptr, n, resultAt)
	g.want(isDir, "fd_read", 3, ptr, n, resultAt)
	g.want(seekPipe, "fd_pread", 0, ptr, n, 0, resultAt)
	g.want(seekPipe, "fd_pwrite", 1, ptr, n, 0, resultAt)
	g.want(badFD, "fd_pwrite", 3, ptr, n, 0, resultAt)
	g.want(0, "fd_sync", 1)

	failure := errors.New("over the limit")
	g.sys.Stdout = writerFunc(func([]byte) (int, error) { return 0, failure })
	if _, got := g.try("fd_write", 1, ptr, n, resultAt); !errors.Is(got, failure) {
		t.Errorf("error %v, want the writer's", got)
	}
	g.sys.Stdin, g.sys.Stdout = nil, nil
	g.want(0, "fd_write", 1, ptr, n, resultAt)
	if got := g.read(0, 10); got != "" {
		t.Errorf("read %q from no input", got)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestOpen(t *testing.T) {
	g := newGuest(t)
	const create, directory, exclusive, truncate = 1, 2, 4, 8
	write := uint64(1 << 6)
	tests := map[string]struct {
		path  string
		flags openFlags
		want  uint64
	}{
		"file":                 {"app/main.py", openFlags{}, 0},
		"mount":                {"lib/python", openFlags{directory, 0}, 0},
		"leading":              {"lib", openFlags{}, 0},
		"root":                 {".", openFlags{directory, write}, 0},
		"dots":                 {"lib/../app/./main.py", openFlags{}, 0},
		"slash on directory":   {"app/data/", openFlags{}, 0},
		"create what is there": {"app/main.py", openFlags{create, 0}, 0},
		"absent":               {"app/absent", openFlags{}, notExist},
		"absent below file":    {"app/main.py/x", openFlags{}, notExist},
		"absent in leading":    {"lib/ruby", openFlags{}, notExist},
		"empty":                {"", openFlags{}, notExist},
		"create":               {"app/new", openFlags{create, write}, readOnly},
		"write":                {"app/main.py", openFlags{0, write}, readOnly},
		"truncate":             {"app/main.py", openFlags{truncate, 0}, readOnly},
		"exclusive":            {"app/main.py", openFlags{create | exclusive, write}, exist},
		"file as directory":    {"app/main.py", openFlags{directory, 0}, notDir},
		"slash on file":        {"app/main.py/", openFlags{}, notDir},
		"dot on file":          {"app/main.py/.", openFlags{}, notDir},
		"absolute":             {"/app/main.py", openFlags{}, notCapable},
		"outside":              {"../etc/passwd", openFlags{}, notCapable},
		"outside and back":     {"app/../../app/main.py", openFlags{}, notCapable},
		"zero byte":            {"app\x00", openFlags{}, invalid},
		"not UTF-8":            {"app/\xff", openFlags{}, illegalSeq},
		"long":                 {strings.Repeat("a/", 2100), openFlags{}, nameTooLong},
		"long name":            {strings.Repeat("a", 256), openFlags{}, nameTooLong},
		"deep":                 {strings.Repeat("a/", 200), openFlags{}, nameTooLong},
		"unknown flags":        {"app/main.py", openFlags{16, 0}, invalid},
		"umlaut":               {"app/data/ü", openFlags{}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fd, got := g.open(3, test.path, test.flags)
			if got != test.want {
				t.Fatalf("error %d, want %d", got, test.want)
			}
			if got == 0 {
				if fd != 4 {
					t.Errorf("descriptor %d, want the lowest free one", fd)
				}
				g.want(0, "fd_close", fd)
			}
		})
	}
	dir := g.mustOpen("app/data")
	fd, errno := g.open(dir, "a", openFlags{})
	if errno != 0 || g.read(fd, 10) != "aaa" {
		t.Errorf("opening in a directory: error %d", errno)
	}
	if _, errno = g.open(dir, "../main.py", openFlags{}); errno != 0 {
		t.Errorf("opening above a directory: error %d", errno)
	}
	if _, errno = g.open(fd, "a", openFlags{}); errno != notDir {
		t.Errorf("opening in a file: error %d", errno)
	}
	if _, errno = g.open(99, "a", openFlags{}); errno != badFD {
		t.Errorf("opening in nothing: error %d", errno)
	}
	g.want(fault, "path_open", 3, 0, memorySize-1, 2, 0, 0, 0, 0, resultAt)
	g.want(fault, "path_open", 3, 0, pathAt, 1, 0, 0, 0, 0, memorySize-3)
}

func TestDescriptors(t *testing.T) {
	g := newGuest(t)
	for want := uint64(4); want < 256; want++ {
		if fd := g.mustOpen("app/main.py"); fd != want {
			t.Fatalf("descriptor %d, want %d", fd, want)
		}
	}
	if _, errno := g.open(3, "app/main.py", openFlags{}); errno != tooManyOpen {
		t.Errorf("error %d, want %d", errno, tooManyOpen)
	}
	g.want(0, "fd_close", 100)
	g.want(badFD, "fd_close", 100)
	if fd := g.mustOpen("app/data/a"); fd != 100 {
		t.Errorf("descriptor %d, want the free one", fd)
	}
	g.want(0, "fd_renumber", 100, 7)
	if got := g.read(7, 10); got != "aaa" {
		t.Errorf("read %q after renumbering", got)
	}
	g.want(badFD, "fd_renumber", 100, 7)
	g.want(badFD, "fd_renumber", 7, 1000)
	g.want(0, "fd_close", 3)
	g.want(badFD, "fd_prestat_get", 3, resultAt)
	g.sys.Close()
	g.want(0, "fd_prestat_get", 3, resultAt)
	if fd := g.mustOpen("app/main.py"); fd != 4 {
		t.Errorf("descriptor %d in a new system, want 4", fd)
	}
}

func TestFilestat(t *testing.T) {
	g := newGuest(t)
	ptr, n := g.path("lib/python/re.py")
	g.want(0, "path_filestat_get", 3, 1, ptr, n, 100)
	byPath := bytes.Clone(g.mem[100:164])
	g.want(0, "fd_filestat_get", g.mustOpen("lib/python/re.py"), 100)
	if !bytes.Equal(byPath, g.mem[100:164]) {
		t.Error("path_filestat_get and fd_filestat_get differ")
	}
	if byPath[16] != 4 || g.u64(132) != 10 || g.u64(148) != uint64(modified.UnixNano()) {
		t.Errorf("type %d, size %d, modified %d", byPath[16], g.u64(132), g.u64(148))
	}
	g.want(0, "fd_filestat_get", 3, 100)
	if g.mem[116] != 3 || g.u64(108) == binary.LittleEndian.Uint64(byPath[8:]) {
		t.Errorf("root: type %d, inode %d", g.mem[116], g.u64(108))
	}
	g.want(0, "fd_filestat_get", 1, 100)
	ptr, n = g.path("absent")
	g.want(notExist, "path_filestat_get", 3, 0, ptr, n, 100)
	g.want(fault, "path_filestat_get", 3, 0, ptr, n, memorySize-63)
}

func TestReadOnly(t *testing.T) {
	g := newGuest(t)
	ptr, n := g.path("app/main.py")
	g.want(readOnly, "path_create_directory", 3, ptr, n)
	g.want(readOnly, "path_remove_directory", 3, ptr, n)
	g.want(readOnly, "path_unlink_file", 3, ptr, n)
	g.want(readOnly, "path_filestat_set_times", 3, 0, ptr, n, 0, 0, 0)
	g.want(readOnly, "path_link", 3, 0, ptr, n, 3, ptr, n)
	g.want(readOnly, "path_rename", 3, ptr, n, 3, ptr, n)
	g.want(readOnly, "path_symlink", ptr, n, 3, ptr, n)
	g.want(invalid, "path_readlink", 3, ptr, n, bufferAt, 100, resultAt)
	g.want(badFD, "path_unlink_file", 9, ptr, n)
	g.want(readOnly, "fd_filestat_set_size", 1, 0)
	g.want(readOnly, "fd_filestat_set_times", 3, 0, 0, 0)
	g.want(badFD, "fd_filestat_set_size", 9, 0)
	g.want(badFD, "fd_allocate", 3, 0, 0)
}

// list reads a directory through a buffer of that size.
func (g *guest) list(fd uint64, size uint64) []string {
	g.t.Helper()
	var names []string
	cookie := uint64(0)
	for range 100 {
		g.want(0, "fd_readdir", fd, bufferAt, size, cookie, resultAt)
		used := uint64(g.u32(resultAt))
		b := g.mem[bufferAt : bufferAt+used]
		for len(b) >= 24 {
			n := int(binary.LittleEndian.Uint32(b[16:]))
			if len(b) < 24+n {
				break
			}
			cookie = binary.LittleEndian.Uint64(b)
			names = append(names, string(b[24:24+n])+map[byte]string{3: "/"}[b[20]])
			b = b[24+n:]
		}
		if used < size {
			return names
		}
	}
	g.t.Fatal("the directory does not end")
	return nil
}

func TestReaddir(t *testing.T) {
	g := newGuest(t)
	data := g.mustOpen("app/data")
	want := []string{"./", "../", "a", "b", "ü"}
	for _, size := range []uint64{27, 30, 53, 100, 1000} {
		if diff := cmp.Diff(want, g.list(data, size)); diff != "" {
			t.Errorf("with a buffer of %d bytes (-want +got):\n%s", size, diff)
		}
	}
	for path, want := range map[string][]string{
		".":          {"./", "../", "app/", "lib/"},
		"lib":        {"./", "../", "python/"},
		"lib/python": {"./", "../", "json/", "re.py"},
	} {
		if diff := cmp.Diff(want, g.list(g.mustOpen(path), 1000)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	g.want(0, "fd_readdir", data, bufferAt, 1000, 1<<63, resultAt)
	if g.u32(resultAt) != 0 {
		t.Error("entries behind the end")
	}
	g.want(notDir, "fd_readdir", 0, bufferAt, 10, 0, resultAt)
	g.want(badFD, "fd_readdir", 99, bufferAt, 10, 0, resultAt)
	g.want(fault, "fd_readdir", data, memorySize-9, 10, 0, resultAt)
	if diff := cmp.Diff([]string{"./", "../"}, (&guest{t: t, ctx: t.Context(), mem: g.mem, sys: &wasi.System{}}).list(3, 100)); diff != "" {
		t.Errorf("root of an empty system (-want +got):\n%s", diff)
	}
}

func TestTree(t *testing.T) {
	for _, mounts := range [][]wasi.Mount{
		{{Path: "lib", FS: fstest.MapFS{}}},
		{{Path: "/lib"}},
		{{Path: "/lib", FS: fstest.MapFS{}}, {Path: "/lib/", FS: fstest.MapFS{}}},
	} {
		if _, err := wasi.NewTree(mounts...); err == nil {
			t.Errorf("%v is accepted", mounts)
		}
	}
	// A mount at the root, one in it, and one that has no place in it.
	tree, err := wasi.NewTree(
		wasi.Mount{Path: "/", FS: fstest.MapFS{"a": {Data: []byte("a")}, "d/x": {}, "d/hidden": {}}},
		wasi.Mount{Path: "/d", FS: fstest.MapFS{"y": {}}},
		wasi.Mount{Path: "/e/f", FS: fstest.MapFS{"z": {}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t)
	g.sys.FS = tree
	for path, want := range map[string][]string{
		".": {"./", "../", "a", "d/", "e/"}, "d": {"./", "../", "y"}, "e": {"./", "../", "f/"}, "e/f": {"./", "../", "z"},
	} {
		if diff := cmp.Diff(want, g.list(g.mustOpen(path), 1000)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if _, errno := g.open(3, "d/hidden", openFlags{}); errno != notExist {
		t.Errorf("a hidden file: error %d", errno)
	}
}

// streamFS is a file system whose files cannot read at an offset.
type streamFS struct{ fstest.MapFS }

func (f streamFS) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct{ fs.File }{file}, nil
}

func TestStreamFiles(t *testing.T) {
	tree, err := wasi.NewTree(wasi.Mount{Path: "/s", FS: streamFS{fstest.MapFS{"f": {Data: []byte("content")}}}})
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t)
	g.sys.FS = tree
	fd := g.mustOpen("s/f")
	g.want(0, "fd_seek", fd, 3, 0, resultAt)
	if got := g.read(fd, 100); got != "tent" {
		t.Errorf("read %q", got)
	}
}

func TestLines(t *testing.T) {
	tests := map[string]struct {
		writes []string
		limit  int64
		want   []string
	}{
		"lines":   {[]string{"a\nb\n"}, 0, []string{"a", "b"}},
		"parts":   {[]string{"a", "b", "c\nd"}, 0, []string{"abc", "d"}},
		"empty":   {[]string{"\n", "a\n\n"}, 0, []string{"", "a", ""}},
		"CRLF":    {[]string{"a\r", "\nb\r\n"}, 0, []string{"a", "b"}},
		"limit":   {[]string{"abc\n", "def\n", "ghi\n"}, 6, []string{"abc", "de", "output over 6 bytes is dropped"}},
		"exactly": {[]string{"abc\n", "def\n"}, 8, []string{"abc", "def"}},
		"long":    {[]string{strings.Repeat("x", 64<<10+1) + "\n"}, 0, []string{strings.Repeat("x", 64<<10), "x"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			l := &wasi.Lines{Emit: func(line []byte) { got = append(got, string(line)) }, Limit: test.limit}
			var written, total int64
			for _, w := range test.writes {
				n, err := io.WriteString(l, w)
				if err != nil {
					t.Fatal(err)
				}
				written += int64(n)
				total += int64(len(w))
			}
			l.Flush()
			l.Flush()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if dropped := max(total-test.limit, 0); written != total || test.limit > 0 && l.Dropped() != dropped {
				t.Errorf("took %d of %d bytes and dropped %d", written, total, l.Dropped())
			}
		})
	}
}
