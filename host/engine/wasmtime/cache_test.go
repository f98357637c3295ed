//go:build cgo

package wasmtime

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPruneRemovesTheLongestUnused(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"old", "older", "new"} {
		path := filepath.Join(dir, name+cacheSuffix)
		if err := keep(path, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		age := []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}[i]
		if err := os.Chtimes(path, time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	used(filepath.Join(dir, "new"+cacheSuffix))
	prune(dir, 200)
	for name, want := range map[string]bool{"old": true, "older": false, "new": true} {
		if _, err := os.Stat(filepath.Join(dir, name+cacheSuffix)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
}
