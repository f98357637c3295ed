package extism_test

import (
	"bytes"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/seraihost/serai/host/engine/extism"
)

// resident returns the process's resident bytes and its mappings.
func resident(t *testing.T) (size, mappings int) {
	t.Helper()
	runtime.GC()
	runtime.GC() // the first one ran the finalizers that unmap code
	raw, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Skip("this system does not tell what a process holds")
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	for line := range bytes.Lines(raw) {
		f := bytes.Fields(line)
		if len(f) == 3 && string(f[0]) == "Private_Dirty:" {
			for _, d := range f[1] {
				size = size*10 + int(d-'0')
			}
		}
	}
	// What Go's heap keeps for later is no leak.
	return size<<10 - int(stats.HeapIdle-stats.HeapReleased), bytes.Count(maps, []byte("\n"))
}

// TestDeploys compiles, calls and closes a plugin 200 times over: neither
// code nor memory of it stays.
func TestDeploys(t *testing.T) {
	code := sdkPlugin(t, "count_vowels.wasm")
	deploy := func() {
		p, err := extism.Compile(t.Context(), code, extism.Options{MaxMemory: memory, CacheDir: cache})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call(t.Context(), t, p, newFake(), "input"); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for range 10 {
		deploy()
	}
	size, mappings := resident(t)
	for range 200 {
		deploy()
	}
	size2, mappings2 := resident(t)
	t.Logf("%d KiB in %d mappings, after 200 deploys %d KiB in %d", size>>10, mappings, size2>>10, mappings2)
	if grown := size2 - size; grown > 16<<20 {
		t.Errorf("200 deploys left %d KiB", grown>>10)
	}
	if mappings2 > mappings+50 {
		t.Errorf("200 deploys left %d mappings", mappings2-mappings)
	}
}

// TestConcurrent calls instances of one program at a time from many
// goroutines, each with a host of its own.
func TestConcurrent(t *testing.T) {
	p := compile(t, sdkPlugin(t, "count_vowels.wasm"), "")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			f := newFake()
			for range 20 {
				if _, err := call(t.Context(), t, p, f, "aaa"); err != nil {
					t.Error(err)
					return
				}
			}
			if f.kv["extism/svc/total"] != "60" {
				t.Errorf("total %q", f.kv["extism/svc/total"])
			}
		})
	}
	all.Wait()
}
