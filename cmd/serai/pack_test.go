package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
)

func TestPackFolder(t *testing.T) {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), ModTime: time.Now()} }
	dir := fstest.MapFS{
		"service.py": text("1"), "b/mod.py": text("2"), "a.txt": text("3"), "lib/pkg/__init__.py": text(""),
		".git/config": text("x"), ".env": text("x"), "__pycache__/a.pyc": text("x"), "b/mod.pyc": text("x"), "service.py~": text("x"),
		"env/pyvenv.cfg": text("x"), "env/lib/site.py": text("x"), "node_modules/a.py": text("x"),
	}
	b, err := packFolder(dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Uname != "" || h.ModTime.Unix() > 0 || h.Mode != 0o644 {
			t.Errorf("%s says more than its content: %+v", h.Name, h)
		}
		names = append(names, h.Name)
	}
	if diff := cmp.Diff([]string{"a.txt", "b/mod.py", "lib/pkg/__init__.py", "service.py"}, names); diff != "" {
		t.Error(diff)
	}
	for _, f := range dir {
		f.ModTime = f.ModTime.Add(time.Hour)
	}
	if again, err := packFolder(dir, "y"); err != nil || !bytes.Equal(b, again) {
		t.Error("the archive depends on more than the files", err)
	}
}

func TestPackFolderRefuses(t *testing.T) {
	for want, dir := range map[string]fstest.MapFS{
		"neither a .py":      {"a.txt": &fstest.MapFile{}},
		"not a regular file": {"a.py": &fstest.MapFile{}, "b": &fstest.MapFile{Mode: fs.ModeSymlink}},
	} {
		if _, err := packFolder(dir, "x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestPackFindsKindAndName(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "orders")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "service.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, kind, file, name string }{
		{file(t, "my.service.py", "x"), host.TypePython, "my.service.py", "my.service"},
		{file(t, "plugin.wasm", "x"), host.TypeWASM, "plugin.wasm", "plugin"},
		{folder, host.TypeTar, "orders.tar", "orders"},
		{folder + "/../orders/", host.TypeTar, "orders.tar", "orders"},
	} {
		up, name, err := pack(t.Context(), c.path, io.Discard)
		if err != nil || up.ContentType != c.kind || up.FileName != c.file || name != c.name {
			t.Errorf("%s: %s %s %s %v", c.path, up.ContentType, up.FileName, name, err)
		}
	}
	for _, path := range []string{file(t, "a.txt", "x"), "/dev/null", "does-not-exist"} {
		if _, _, err := pack(t.Context(), path, io.Discard); err == nil {
			t.Errorf("%s is taken", path)
		}
	}
}

func TestBuildGoReportsWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module x\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() { oops }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stderr bytes.Buffer
	if _, _, err := pack(t.Context(), dir, &stderr); err == nil || !strings.Contains(stderr.String(), "undefined: oops") {
		t.Errorf("error %v, stderr %q", err, &stderr)
	}
}
