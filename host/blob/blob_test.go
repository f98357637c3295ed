package blob

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func TestPutGetSweep(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	one, err := s.Put([]byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Put([]byte("one")); err != nil || again != one || one != Digest([]byte("one")) {
		t.Errorf("the same content again: %s, %v", again, err)
	}
	two, err := s.Put([]byte("two"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(two)
	if diff := cmp.Diff("two", string(got)); err != nil || diff != "" {
		t.Errorf("Get: %v\n%s", err, diff)
	}
	if err := os.WriteFile(filepath.Join(dir, "blobs", "new-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(func(digest string) bool { return digest == one }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(two); host.CodeOf(err) != abi.NotFound {
		t.Errorf("a swept blob: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "blobs"))
	if err != nil || len(left) != 1 {
		t.Errorf("left after the sweep: %v, %v", left, err)
	}
}

func TestChangedAndForeignNames(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.Put([]byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, strings.TrimPrefix(digest, "sha256:")), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(digest); err == nil || host.CodeOf(err) != abi.Internal {
		t.Errorf("a changed blob: %v", err)
	}
	for _, name := range []string{"", "sha256:", "sha256:../../etc/passwd", "..", "/etc/passwd"} {
		if b, err := s.Get(name); err == nil {
			t.Errorf("Get(%q) returned %d bytes", name, len(b))
		}
	}
}
