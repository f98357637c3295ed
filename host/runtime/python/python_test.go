package python_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/runtime/python"
)

func TestLibrary(t *testing.T) {
	t.Parallel()
	lib, err := python.Library()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"json/__init__.pyc", "serai/__init__.pyc", "serai/_runtime.pyc", "ssl.pyc", "zoneinfo/Europe/Warsaw"} {
		data, err := fs.ReadFile(lib, name)
		if err != nil {
			t.Error(err)
			continue
		}
		if info, err := fs.Stat(lib, name); err != nil || info.Size() != int64(len(data)) {
			t.Errorf("%s: size %v, read %d bytes: %v", name, info, len(data), err)
		}
	}
	for _, name := range []string{"test", "idlelib", "tkinter", "ensurepip"} {
		if _, err := fs.Stat(lib, name); err == nil {
			t.Errorf("%s is in the library and nobody needs it", name)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	if d := python.Digest(); !strings.HasPrefix(d, "sha256:") || len(d) != len("sha256:")+64 || d != python.Digest() {
		t.Errorf("digest %q", d)
	}
}

func TestModuleIsWebAssembly(t *testing.T) {
	t.Parallel()
	if !strings.HasPrefix(string(python.Module()), "\x00asm\x01\x00\x00\x00") {
		t.Error("the module is no WebAssembly")
	}
}
