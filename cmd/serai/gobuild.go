package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// guestSDK is the package that services in Go import to be called directly.
const guestSDK = `"github.com/seraihost/serai/guest-sdk/go"`

// buildGo builds the Go module in dir for WebAssembly with the go command of
// the author's machine: as a reactor if it uses the guest SDK or exports
// functions itself, as a command otherwise.
func buildGo(ctx context.Context, dir string, stderr io.Writer) ([]byte, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("a folder with a go.mod is built with the go command, which is not installed here; deploy a .wasm file instead")
	}
	tmp, err := os.MkdirTemp("", "serai-build-")
	if err != nil {
		return nil, fmt.Errorf("making a folder to build in: %w", err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // the system cleans what is left
	out := filepath.Join(tmp, "service.wasm")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out}
	if isReactor(dir) {
		args = append(args, "-buildmode=c-shared")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, ".")...) //nolint:gosec // fixed arguments
	cmd.Dir, cmd.Stderr = dir, stderr
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("building the Go module in %s: %w", dir, err)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("reading the built module: %w", err)
	}
	return content, nil
}

// isReactor reports whether the main package in dir is called through
// exported functions rather than started.
func isReactor(dir string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return false
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil && (bytes.Contains(b, []byte(guestSDK)) || bytes.Contains(b, []byte("//go:wasmexport"))) {
			return true
		}
	}
	return false
}
