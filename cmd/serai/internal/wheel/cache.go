package wheel

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// unused is how long what nobody asks for stays in the cache.
const unused = 90 * 24 * time.Hour

const cacheSuffix = ".tar"

func (o Options) cachePath(l *lock) string { return filepath.Join(o.CacheDir, l.key()+cacheSuffix) }

// cached returns the files of a lock as an earlier run kept them, or nil.
func (o Options) cached(l *lock) (map[string][]byte, error) {
	if o.CacheDir == "" {
		return nil, nil
	}
	path := o.cachePath(l)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	files := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var data []byte
		if err == nil {
			data, err = io.ReadAll(r)
		}
		if err != nil { // written in part by a machine that went down: make it anew
			return nil, os.Remove(path)
		}
		files[h.Name] = data
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // it is in use; if the file system keeps no times, it is made anew one day
	return files, nil
}

// keep stores the files of a lock for later runs, and forgets old ones.
func (o Options) keep(l *lock, files map[string][]byte) error {
	if o.CacheDir == "" {
		return nil
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name])), Mode: 0o644})
		if err == nil {
			_, err = w.Write(files[name])
		}
		if err != nil {
			return fmt.Errorf("packing for the cache: %w", err)
		}
	}
	err := errors.Join(w.Close(), os.MkdirAll(o.CacheDir, 0o700))
	if err == nil {
		err = replace(o.cachePath(l), b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing the cache: %w", err)
	}
	o.forget(time.Now().Add(-unused))
	return nil
}

// replace writes a file so that others see it whole or not at all.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// forget removes what was not used since then. What cannot be removed stays.
func (o Options) forget(then time.Time) {
	all, _ := filepath.Glob(filepath.Join(o.CacheDir, "*"+cacheSuffix))
	for _, path := range all {
		if info, err := os.Stat(path); err == nil && info.ModTime().Before(then) {
			_ = os.Remove(path)
		}
	}
}
