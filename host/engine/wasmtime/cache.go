//go:build cgo

package wasmtime

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxCache bounds the compiled modules that are kept, in bytes. A compiled
// module is three to four times as large as its code.
const maxCache = 4 << 30

const cacheSuffix = ".cwasm"

// keep writes a cache file that is either whole or absent, and makes room
// for it by removing the files that were not used for longest.
func keep(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	prune(dir, maxCache-int64(len(b)))
	tmp, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// used notes that a cache file was of use now.
func used(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now)
}

// prune removes cache files, the one unused for longest first, until the
// rest has at most so many bytes. A file that is mapped stays usable.
func prune(dir string, most int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var files []os.FileInfo
	var total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) == cacheSuffix {
			files = append(files, info)
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= most {
			return
		}
		if os.Remove(filepath.Join(dir, f.Name())) == nil {
			total -= f.Size()
		}
	}
}
