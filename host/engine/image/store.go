package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Store is a directory of image files, named by their hash. It is safe for
// concurrent use.
type Store struct {
	dir string

	mu   sync.Mutex
	live map[string]*Image // by digest; holds no reference of its own
}

// OpenStore returns the store in dir, which is created if it does not exist.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating image directory: %w", err)
	}
	return &Store{dir: dir, live: make(map[string]*Image)}, nil
}

// Freeze saves the memory and globals of an initialised instance as an image
// that shares what it can with base (nil for none), and opens it. The file is
// on disk when Freeze returns. The caller releases the image.
func (s *Store) Freeze(base *Image, mem []byte, globals []uint64) (*Image, error) {
	if len(mem)%WasmPageSize != 0 {
		return nil, fmt.Errorf("memory of %d bytes is no multiple of %d", len(mem), WasmPageSize)
	}
	h := header{size: uint64(len(mem)), globals: globals}
	if base != nil {
		sum, err := parseDigest(base.digest)
		if err != nil {
			return nil, fmt.Errorf("base image: %w", err)
		}
		h.base = sum
		h.runs, h.patches = plan(differing(mem, base.view))
	} else {
		h.runs = join(differing(mem, nil), maxRuns)
	}
	digest := digestOf(h, mem)
	if err := s.save(digest, h, mem); err != nil {
		return nil, err
	}
	return s.Open(digest)
}

func (s *Store) save(digest string, h header, mem []byte) (err error) {
	path := s.path(digest)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	tmp, err := os.CreateTemp(s.dir, "new-*")
	if err != nil {
		return fmt.Errorf("creating image file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	head := h.encode()
	if _, err = tmp.Write(head); err == nil {
		err = writePages(tmp, mem, h.pages(), int64(len(head)))
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("saving image file: %w", err)
	}
	return nil
}

// Open maps the image with the digest, and its base. The file's hash is
// checked when it is opened first. The caller releases the image.
func (s *Store) Open(digest string) (*Image, error) {
	if im := s.shared(digest); im != nil {
		return im, nil
	}
	sum, err := parseDigest(digest)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(s.path(digest))
	if err != nil {
		return nil, fmt.Errorf("opening image: %w", err)
	}
	im, err := s.load(file, digest, sum)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("opening image %s: %w", digest, err)
	}
	s.mu.Lock()
	if other := s.live[digest]; other != nil && other.tryRetain() {
		s.mu.Unlock()
		im.Release()
		return other, nil
	}
	s.live[digest] = im
	im.onFree = func() { s.forget(digest, im) }
	s.mu.Unlock()
	return im, nil
}

func (s *Store) load(file *os.File, digest string, sum [sha256.Size]byte) (*Image, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, info.Size())); err != nil {
		return nil, err
	}
	if [sha256.Size]byte(hash.Sum(nil)) != sum {
		return nil, fmt.Errorf("%w: its hash is not its name", errCorrupt)
	}
	h, offset, err := decodeHeader(file, info.Size())
	if err != nil {
		return nil, err
	}
	var base *Image
	if h.base != ([sha256.Size]byte{}) {
		if base, err = s.Open(digestPrefix + hex.EncodeToString(h.base[:])); err != nil {
			return nil, fmt.Errorf("base: %w", err)
		}
		if base.base != nil || len(base.patches) > 0 || base.size > h.size {
			base.Release()
			return nil, fmt.Errorf("%w: its base has a base or is larger", errCorrupt)
		}
	}
	im, err := assemble(file, h, offset, base)
	if err != nil {
		if base != nil {
			base.Release()
		}
		return nil, err
	}
	im.digest = digest
	return im, nil
}

func (s *Store) shared(digest string) *Image {
	s.mu.Lock()
	defer s.mu.Unlock()
	if im := s.live[digest]; im != nil && im.tryRetain() {
		return im
	}
	return nil
}

func (im *Image) tryRetain() bool {
	for {
		n := im.refs.Load()
		if n == 0 {
			return false
		}
		if im.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *Store) forget(digest string, im *Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[digest] == im {
		delete(s.live, digest)
	}
}

// Sweep removes image files that keep does not want and that no one has
// open, and what an interrupted save left behind.
func (s *Store) Sweep(keep func(digest string) bool) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("reading image directory: %w", err)
	}
	var errs []error
	for _, e := range entries {
		hexPart, isImage := strings.CutSuffix(e.Name(), ".img")
		digest := digestPrefix + hexPart
		s.mu.Lock()
		if !isImage || (s.live[digest] == nil && !keep(digest)) {
			errs = append(errs, os.Remove(filepath.Join(s.dir, e.Name())))
		}
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}

func (s *Store) path(digest string) string {
	return filepath.Join(s.dir, strings.TrimPrefix(digest, digestPrefix)+".img")
}

func parseDigest(digest string) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	text, ok := strings.CutPrefix(digest, digestPrefix)
	b, err := hex.DecodeString(text)
	if !ok || err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("%q is no image digest", digest)
	}
	return [sha256.Size]byte(b), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
