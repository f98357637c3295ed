package security

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// OpenBox returns a box over the key file at path, 32 random bytes with mode
// 0600. It creates the file when there is none, durably: when OpenBox
// returns, the key survives a power cut. A file of another size, or one that
// others than its owner may read, is refused.
//
// The directory must exist. Losing the file loses every secret that was
// sealed with it.
func OpenBox(path string) (*Box, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKey(path); err == nil {
			key, err = readKey(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return NewBox(key)
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening key file: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("examining key file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() != KeyBytes {
		return nil, fmt.Errorf("key file %s is not a file of %d bytes; restore it from a backup", path, KeyBytes)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s may be read by others (mode %04o); run chmod 600 on it", path, info.Mode().Perm())
	}
	key := make([]byte, KeyBytes)
	if _, err := io.ReadFull(f, key); err != nil {
		return nil, fmt.Errorf("reading key file: %w", err)
	}
	return key, nil
}

// createKey writes a new key under a temporary name and links it to path, so
// that path never holds half a key and two processes agree on one.
func createKey(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("creating key file: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a leftover does no harm

	key := make([]byte, KeyBytes)
	rand.Read(key)
	_, err = f.Write(key)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("writing key file: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("naming key file: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening key directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("syncing key directory: %w", err)
	}
	return nil
}
