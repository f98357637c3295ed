// Package blob keeps uploads as files that are named by their hash.
package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

const prefix = "sha256:"

// Store is a directory of blobs. It is safe for concurrent use.
type Store struct{ dir string }

// Open returns the store in dir, which is created if it does not exist.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating blob directory: %w", err)
	}
	return &Store{dir}, nil
}

// Digest returns the name of a blob: "sha256:" and 64 hexadecimal digits.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return prefix + hex.EncodeToString(sum[:])
}

// Put keeps b and returns its digest. The blob is on disk when Put returns.
func (s *Store) Put(b []byte) (string, error) {
	digest := Digest(b)
	path := s.path(digest)
	if _, err := os.Stat(path); err == nil {
		return digest, nil
	}
	tmp, err := os.CreateTemp(s.dir, "new-*")
	if err != nil {
		return "", fmt.Errorf("creating blob file: %w", err)
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return "", fmt.Errorf("saving blob file: %w", err)
	}
	return digest, nil
}

// Get returns the blob with the digest; its hash is checked.
func (s *Store) Get(digest string) ([]byte, error) {
	b, err := os.ReadFile(s.path(digest))
	if errors.Is(err, os.ErrNotExist) {
		return nil, host.Errorf(abi.NotFound, "no blob %s", host.Clip(digest))
	}
	if err != nil {
		return nil, fmt.Errorf("reading blob: %w", err)
	}
	if Digest(b) != digest {
		return nil, fmt.Errorf("blob file of %s is corrupt: its hash is not its name", digest)
	}
	return b, nil
}

// Sweep removes the blobs that keep does not want, and what an interrupted
// Put left behind.
func (s *Store) Sweep(keep func(digest string) bool) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("reading blob directory: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !keep(prefix + e.Name()) {
			errs = append(errs, os.Remove(filepath.Join(s.dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (s *Store) path(digest string) string {
	return filepath.Join(s.dir, filepath.Base(strings.TrimPrefix(digest, prefix)))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
