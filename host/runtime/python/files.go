package python

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// files is a read-only file system in memory, by path. Its files are
// io.ReaderAt and io.Seeker too.
type files map[string]*node

// node is a file or directory, and its own fs.FileInfo and fs.DirEntry.
type node struct {
	name    string
	size    int64
	data    func() ([]byte, error) // nil for a directory
	entries []fs.DirEntry          // of a directory, sorted by name once sealed
}

func newFiles() files { return files{".": {name: "."}} }

// add puts a file at p, a path as of fs.ValidPath, and the directories that
// lead to it.
func (f files) add(p string, size int64, data func() ([]byte, error)) error {
	if !fs.ValidPath(p) || p == "." {
		return fmt.Errorf("%q is no path of a file", p)
	}
	if f[p] != nil {
		return fmt.Errorf("%q is there twice", p)
	}
	n := &node{name: path.Base(p), size: size, data: data}
	f[p] = n
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		parent := f[dir]
		known := parent != nil
		if !known {
			parent = &node{name: path.Base(dir)}
			f[dir] = parent
		}
		if parent.data != nil {
			return fmt.Errorf("%q is a file and a folder", dir)
		}
		parent.entries = append(parent.entries, n)
		if known {
			return nil
		}
		n = parent
	}
}

// seal sorts the directories; nothing is added after it.
func (f files) seal() {
	for _, n := range f {
		slices.SortFunc(n.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
}

// Open implements fs.FS.
func (f files) Open(p string) (fs.File, error) {
	n, err := f.lookup("open", p)
	if err != nil {
		return nil, err
	}
	if n.data == nil {
		return &openDir{node: n}, nil
	}
	data, err := n.data()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: p, Err: err}
	}
	return &openFile{node: n, Reader: bytes.NewReader(data)}, nil
}

// Stat implements fs.StatFS, without reading the file.
func (f files) Stat(p string) (fs.FileInfo, error) { return f.lookup("stat", p) }

// ReadDir implements fs.ReadDirFS.
func (f files) ReadDir(p string) ([]fs.DirEntry, error) {
	n, err := f.lookup("readdir", p)
	if err != nil {
		return nil, err
	}
	if n.data != nil {
		return nil, &fs.PathError{Op: "readdir", Path: p, Err: fs.ErrInvalid}
	}
	return slices.Clone(n.entries), nil
}

func (f files) lookup(op, p string) (*node, error) {
	if !fs.ValidPath(p) {
		return nil, &fs.PathError{Op: op, Path: p, Err: fs.ErrInvalid}
	}
	if n := f[p]; n != nil {
		return n, nil
	}
	return nil, &fs.PathError{Op: op, Path: p, Err: fs.ErrNotExist}
}

func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return n.size }
func (n *node) IsDir() bool                { return n.data == nil }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) Sys() any                   { return nil }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }

func (n *node) Mode() fs.FileMode {
	if n.IsDir() {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type openFile struct {
	*bytes.Reader
	node *node
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (*openFile) Close() error                 { return nil }

type openDir struct {
	node *node
	at   int
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.node, nil }
func (*openDir) Close() error                 { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.node.name, Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	left := d.node.entries[d.at:]
	if n <= 0 {
		n = len(left)
	} else if len(left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(left))
	d.at += n
	return slices.Clone(left[:n]), nil
}

// addZip adds the files of an archive.
func (f files) addZip(archive []byte) error {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return fmt.Errorf("reading archive: %w", err)
	}
	for _, entry := range r.File {
		data := sync.OnceValues(func() ([]byte, error) { return inflate(entry) })
		size := int64(entry.UncompressedSize64) //nolint:gosec // archives of the build
		if err := f.add(entry.Name, size, data); err != nil {
			return fmt.Errorf("reading archive: %w", err)
		}
	}
	return nil
}

func inflate(entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}
