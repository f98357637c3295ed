package main

import (
	"cmp"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host/server"
)

// TestRealPackages deploys the services of testdata/packages with what their
// requirements.txt takes from PyPI, and calls them: each uses its packages
// and answers ok, or with the version that it has.
func TestRealPackages(t *testing.T) {
	s := newSession(t)
	c, err := net.DialTimeout("tcp", "pypi.org:443", 10*time.Second)
	switch {
	case err == nil:
		_ = c.Close()
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	case os.Getenv("PIP_INDEX_URL") == "":
		t.Skip("PyPI is out of reach here; CI reaches it")
	}
	folders, err := filepath.Glob("testdata/packages/*")
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	want := map[string]string{"old": "3.19", "new": "4."} // versions that conflict, beside each other
	for _, from := range folders {
		name := filepath.Base(from)
		if server.DefaultEngine != "wasmtime" && name != "templates" && name != "formats" {
			continue // wazero takes several times as long to load the larger ones, on a busy machine longer than a deploy may take
		}
		dir := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		s.run(exitOK, "deploy", dir, "--name", "real-"+name)
		if out, _ := s.run(exitOK, "invoke", "real-"+name); !strings.HasPrefix(out, cmp.Or(want[name], "ok")) {
			t.Errorf("%s answers %s", name, out)
		}
	}
}
