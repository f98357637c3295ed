package python_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/runtime/python"
)

func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := "# " + h.Name + "\n"
		h.Mode = 0o644
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func named(names ...string) []tar.Header {
	out := make([]tar.Header, 0, len(names))
	for _, n := range names {
		out = append(out, tar.Header{Name: n})
	}
	return out
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, entry string
		headers     []tar.Header
		want        string // the entries
		wantErr     string
	}{
		{name: "service.py comes first", headers: named("app.py", "main.py", "./service.py", "other.py"), want: "service.py"},
		{name: "main.py", headers: named("app.py", "main.py"), want: "main.py"},
		{name: "the only file", headers: named("users.py", "vendor/x/__init__.py"), want: "users.py"},
		{name: "a chosen file", entry: "a/b.py", headers: named("service.py", "a/b.py"), want: "a/b.py"},
		{name: "a chosen file by its path in the sandbox", entry: "/app/a/b.py", headers: named("a/b.py"), want: "a/b.py"},
		{name: "hidden files do not count", headers: named(".venv/lib/x.so", "service.py", "__pycache__/service.cpython-313.pyc"), want: "service.py"},
		{name: "folders are entries too", headers: append(named("service.py"), tar.Header{Name: "data/", Typeflag: tar.TypeDir}), want: "service.py"},
		{name: "a missing choice", entry: "x.py", headers: named("service.py"), wantErr: `no Python file "x.py"`},
		{name: "no file", headers: named("readme.txt"), wantErr: "no Python file at its top"},
		{name: "empty", wantErr: "no Python file at its top"},
		{name: "one file that is called like a test", headers: named("sim_test.py"), want: "sim_test.py"},
		{name: "several files", headers: named("b.py", "a.py", "test_a.py", "a_test.py", "conftest.py", "c/d.py"), want: "a.py b.py"},
		{name: "only tests", headers: named("test_a.py", "b_test.py"), wantErr: "no Python file at its top"},
		{name: "a choice among several", entry: "b.py", headers: named("b.py", "a.py"), want: "b.py"},
		{name: "an extension", headers: named("service.py", "numpy/core/_multiarray.cpython-313-x86_64-linux-gnu.so"), wantErr: "compiled extension"},
		{name: "a library", headers: named("service.py", "x.libs/libz.so.1"), wantErr: "compiled extension"},
		{name: "an extension for Windows", headers: named("service.py", "x.PYD"), wantErr: "compiled extension"},
		{name: "a way out", headers: named("../service.py"), wantErr: "leads out"},
		{name: "an absolute path", headers: named("/etc/service.py"), wantErr: "leads out"},
		{name: "a link", headers: []tar.Header{{Name: "service.py", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, wantErr: "is a link"},
		{name: "twice", headers: named("service.py", "service.py"), wantErr: "twice"},
		{name: "a file that is a folder", headers: named("a.py/x", "a.py"), wantErr: "twice"},
		{name: "a folder that is a file", headers: named("a.py", "a.py/x"), wantErr: "a file and a folder"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := python.Open(archive(t, tt.headers...), tt.entry)
			if tt.wantErr != "" {
				var he *host.Error
				if !errors.As(err, &he) || he.Code != abi.Invalid || !strings.Contains(he.Message, tt.wantErr) {
					t.Fatalf("error %v, want one with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(b.Entries, " "); got != tt.want {
				t.Errorf("entries %q, want %q", got, tt.want)
			}
			for _, entry := range b.Entries {
				if _, err := fs.Stat(b.Files, entry); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestOpenBrokenArchive(t *testing.T) {
	t.Parallel()
	whole := archive(t, named("service.py")...)
	for _, b := range [][]byte{whole[:300], whole[:520], []byte("no archive")} {
		if _, err := python.Open(b, ""); err == nil {
			t.Errorf("%d bytes of an archive were accepted", len(b))
		}
	}
}

func TestBundleFiles(t *testing.T) {
	t.Parallel()
	b, err := python.Open(archive(t, named("service.py", "pkg/__init__.py", "pkg/sub/data.json")...), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(b.Files, "service.py", "pkg/__init__.py", "pkg/sub/data.json"); err != nil {
		t.Error(err)
	}
}

func TestInitEnvelope(t *testing.T) {
	t.Parallel()
	b := python.Bundle{Entries: []string{"main.py"}}
	want := abi.Envelope{{Name: "service", Value: "s"}, {Name: "upload", Value: "u"}, {Name: "entry", Value: "/app/main.py"}, {Name: "class", Value: "C"}}
	if diff := cmp.Diff(want, b.InitEnvelope("s", "C", "u")); diff != "" {
		t.Error(diff)
	}
	b.Entries = []string{"a.py", "b.py"}
	want = abi.Envelope{{Name: "upload", Value: "u"}, {Name: "entry", Value: "/app/a.py"}, {Name: "entry", Value: "/app/b.py"}}
	if diff := cmp.Diff(want, b.InitEnvelope("", "", "u")); diff != "" {
		t.Error(diff)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("no archive"), "")
	f.Fuzz(func(t *testing.T, archive []byte, entry string) {
		b, err := python.Open(archive, entry)
		if err != nil {
			return
		}
		for _, entry := range b.Entries {
			if info, err := fs.Stat(b.Files, entry); err != nil || info.IsDir() {
				t.Errorf("entry %q is no file: %v", entry, err)
			}
		}
	})
}
