package hosttest_test

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/hosttest"
)

// stdlibImports is a service that imports everything.
//
//go:embed testdata/stdlib.py
var stdlibImports string

// temporary is a service that writes temporary files.
//
//go:embed testdata/tmp.py
var temporary string

// TestTemporaryFiles finds in every call what the image has and nothing that
// another call wrote.
func TestTemporaryFiles(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("tmp", hosttest.Python(temporary), hosttest.Routes("GET /tmp"))
	for range 3 {
		if r := h.Call("GET", "/tmp", ""); r.Status != 200 || r.Body != `["loaded"]` {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
}

// TestStandardLibrary imports every module of the standard library: it is
// there, or says why not.
func TestStandardLibrary(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("stdlib", hosttest.Python(stdlibImports), hosttest.Routes("GET /stdlib"))
	r := h.Call("GET", "/stdlib", "")
	var absent map[string]string
	if err := json.Unmarshal([]byte(r.Body), &absent); err != nil {
		t.Fatalf("%d %s: %v", r.Status, r.Body, err)
	}
	want := strings.Fields(`bz2 ctypes curses dbm ensurepip fcntl grp idlelib lzma mmap msvcrt nt nturl2path pty pwd pydoc pydoc_data
		readline resource sqlite3 syslog termios tkinter tty turtle turtledemo venv winreg winsound`)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(absent))); diff != "" {
		t.Error(diff)
	}
	for name, why := range absent {
		if !strings.Contains(why, "is not available in a Serai service: ") {
			t.Errorf("%s: %s", name, why)
		}
	}
}
