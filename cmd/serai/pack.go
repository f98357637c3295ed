package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

// Bounds of what is packed; the tenant's quota is usually lower.
const (
	maxPacked = 1 << 30
	maxFiles  = 20_000
)

// pack reads what PATH names and returns it as an upload, and the name that
// a service of it has by default. Tools that it runs report to stderr.
func pack(ctx context.Context, name string, stderr io.Writer) (client.Upload, string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return client.Upload{}, "", fmt.Errorf("resolving %s: %w", name, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return client.Upload{}, "", fmt.Errorf("reading the service: %w", err)
	}
	base := filepath.Base(abs)
	switch {
	case info.IsDir() && exists(abs, "go.mod"):
		content, err := buildGo(ctx, abs, stderr)
		return client.Upload{FileName: base + ".wasm", ContentType: host.TypeWASM, Content: content}, base, err
	case info.IsDir():
		content, err := packFolder(os.DirFS(abs), name)
		return client.Upload{FileName: base + ".tar", ContentType: host.TypeTar, Content: content}, base, err
	case !info.Mode().IsRegular():
		return client.Upload{}, "", fmt.Errorf("%s is neither a file nor a folder", name)
	}
	var kind string
	switch ext := filepath.Ext(base); ext {
	case ".py":
		kind = host.TypePython
	case ".wasm":
		kind = host.TypeWASM
	case ".tar":
		kind = host.TypeTar
	default:
		return client.Upload{}, "", fmt.Errorf("%s is not a service: use a .py file, a .wasm file, a folder with Python or Go, or a .tar that serai build wrote", name)
	}
	if info.Size() > maxPacked {
		return client.Upload{}, "", fmt.Errorf("%s has %d bytes; a service has at most %d", name, info.Size(), maxPacked)
	}
	content, err := os.ReadFile(abs)
	if err != nil {
		return client.Upload{}, "", fmt.Errorf("reading the service: %w", err)
	}
	return client.Upload{FileName: base, ContentType: kind, Content: content}, strings.TrimSuffix(base, filepath.Ext(base)), nil
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// packFolder returns a tar archive of the folder that depends on the names
// and contents of its files only: sorted, without times and owners. It
// leaves out what belongs to tools: hidden files, caches, environments.
func packFolder(dir fs.FS, name string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	files, python := 0, false
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		if skipped(dir, p, d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if files++; files > maxFiles {
			return fmt.Errorf("it has over %d files", maxFiles)
		}
		python = python || path.Ext(p) == ".py"
		return packFile(w, dir, p, d, maxPacked-int64(b.Len()))
	})
	if err == nil && !python {
		err = errors.New("it has neither a .py file nor a go.mod")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("packing folder %s: %w", name, err)
	}
	return b.Bytes(), nil
}

func packFile(w *tar.Writer, dir fs.FS, p string, d fs.DirEntry, most int64) error {
	if !d.Type().IsRegular() {
		return fmt.Errorf("%s is not a regular file; put a copy in its place", p)
	}
	content, err := fs.ReadFile(dir, p)
	if err != nil {
		return err
	}
	if int64(len(content)) > most {
		return fmt.Errorf("it has over %d bytes", maxPacked)
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: p, Size: int64(len(content)), Mode: 0o644}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// skipped reports whether a file or folder is no part of a service.
func skipped(dir fs.FS, p string, d fs.DirEntry) bool {
	name := d.Name()
	if strings.HasPrefix(name, ".") {
		return true
	}
	if !d.IsDir() {
		return path.Ext(name) == ".pyc" || strings.HasSuffix(name, "~") || name == documentName || path.Ext(name) == ".env"
	}
	if name == "__pycache__" || name == "node_modules" {
		return true
	}
	for _, mark := range []string{"pyvenv.cfg", "operator.token"} { // an environment, a host's data
		if _, err := fs.Stat(dir, path.Join(p, mark)); err == nil {
			return true
		}
	}
	return false
}
