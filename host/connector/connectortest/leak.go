package connectortest

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// holdings are the goroutines and descriptors of the test's process.
type holdings struct {
	goroutines  map[string]string // number to stack
	descriptors map[string]string // what is open, and by which number
}

func held() holdings {
	h := holdings{map[string]string{}, map[string]string{}}
	buf := make([]byte, 1<<22)
	for stack := range bytes.SplitSeq(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
		number, _, _ := strings.Cut(strings.TrimPrefix(string(stack), "goroutine "), " ")
		h.goroutines[number] = string(stack)
	}
	// Where there is no such folder, descriptors are not looked at.
	all, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range all {
		if to, err := os.Readlink(fd); err == nil && !strings.HasPrefix(to, "anon_inode:") {
			h.descriptors[to] = fd
		}
	}
	return h
}

// without returns what was not there before.
func (h holdings) without(before holdings) holdings {
	maps.DeleteFunc(h.goroutines, func(k, _ string) bool { return before.goroutines[k] != "" })
	maps.DeleteFunc(h.descriptors, func(k, _ string) bool { return before.descriptors[k] != "" })
	return h
}

// nothingSince fails the test if goroutines or descriptors stay that were not
// there before. What ends by itself soon is no leak.
func nothingSince(t *testing.T, before holdings) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		left := held().without(before)
		if len(left.goroutines)+len(left.descriptors) == 0 {
			return
		}
		if time.Now().Before(deadline) {
			continue
		}
		for _, stack := range left.goroutines {
			t.Errorf("a goroutine is left:\n%s", stack)
		}
		for what, fd := range left.descriptors {
			t.Errorf("a descriptor is left: %s is %s", fd, what)
		}
		return
	}
}
