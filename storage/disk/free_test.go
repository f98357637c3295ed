package disk

import (
	"path/filepath"
	"testing"
)

func TestFree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if n, err := Free(dir); err != nil || n == 0 {
		t.Errorf("Free = %d, %v", n, err)
	}
	if n, err := Free(filepath.Join(dir, "missing")); err == nil {
		t.Errorf("Free of a missing directory = %d", n)
	}
}
