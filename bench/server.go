package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// room is where the servers of the connectors' tests run for a measure: they
// end with it.
type room struct {
	testing.TB // what servers do not need panics

	dir   string
	made  int
	ends  []func()
	fault error
}

// inRoom runs do with a room. What a server finds wrong ends do.
func inRoom(dir string, do func(*room) error) error {
	r := &room{dir: dir}
	defer func() {
		for _, end := range slices.Backward(r.ends) {
			end()
		}
	}()
	done := make(chan error, 1)
	go func() {
		err := fmt.Errorf("starting a server: %w", errLeft)
		defer func() {
			if r.fault != nil {
				err = r.fault
			}
			done <- err
		}()
		err = do(r)
	}()
	return <-done
}

var errLeft = fmt.Errorf("it was given up")

// Helper implements testing.TB.
func (r *room) Helper() {}

// Cleanup implements testing.TB.
func (r *room) Cleanup(end func()) { r.ends = append(r.ends, end) }

// TempDir implements testing.TB.
func (r *room) TempDir() string {
	r.made++
	dir := filepath.Join(r.dir, fmt.Sprintf("server-%d", r.made))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.Fatal(err)
	}
	return dir
}

// Fatal implements testing.TB.
func (r *room) Fatal(args ...any) {
	r.fault = fmt.Errorf("starting a server: %s", fmt.Sprint(args...))
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (r *room) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// Skipf implements testing.TB: what cannot be measured is an error.
func (r *room) Skipf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }
