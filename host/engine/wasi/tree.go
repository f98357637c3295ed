package wasi

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Mount puts a file system at an absolute path of a [Tree].
type Mount struct {
	Path string // such as "/lib/python3.13"
	// FS must be in memory, since its calls cannot be interrupted, and safe
	// for concurrent use. Its symbolic links, if any, are its own affair.
	FS fs.FS
}

// Tree is a read-only tree of files: file systems at their mount points, and
// the directories that lead there. It is safe for concurrent use and meant
// to be shared between the systems of many calls.
type Tree struct {
	mounts []mount // longest path first
	// leading has the directories on the way to mount points, with the next
	// element of each way.
	leading map[string][]string
}

type mount struct {
	path string // in the form of fs.ValidPath: "." or "lib/python3.13"
	fsys fs.FS
}

// NewTree returns a tree of the mounts. A mount hides what a mount further
// up has at its path.
func NewTree(mounts ...Mount) (*Tree, error) {
	t := &Tree{leading: map[string][]string{".": nil}}
	for _, m := range mounts {
		if !path.IsAbs(m.Path) || m.FS == nil {
			return nil, fmt.Errorf("mount %q: needs an absolute path and a file system", m.Path)
		}
		p := strings.TrimPrefix(path.Clean(m.Path), "/")
		if p == "" {
			p = "."
		}
		for _, other := range t.mounts {
			if other.path == p {
				return nil, fmt.Errorf("mount %q: there are two of them", m.Path)
			}
		}
		t.mounts = append(t.mounts, mount{p, m.FS})
		t.lead(p)
	}
	slices.SortFunc(t.mounts, func(a, b mount) int { return depth(b.path) - depth(a.path) })
	return t, nil
}

func depth(p string) int {
	if p == "." {
		return 0
	}
	return 1 + strings.Count(p, "/")
}

// lead notes the directories that lead to p.
func (t *Tree) lead(p string) {
	for p != "." {
		dir, name := path.Dir(p), path.Base(p)
		if !slices.Contains(t.leading[dir], name) {
			t.leading[dir] = append(t.leading[dir], name)
		}
		p = dir
	}
}

// find returns the file system that has p and the path in it.
func (t *Tree) find(p string) (fs.FS, string, bool) {
	if t == nil {
		return nil, "", false
	}
	for _, m := range t.mounts {
		switch {
		case m.path == ".":
			return m.fsys, p, true
		case p == m.path:
			return m.fsys, ".", true
		case len(p) > len(m.path) && p[len(m.path)] == '/' && p[:len(m.path)] == m.path:
			return m.fsys, p[len(m.path)+1:], true
		}
	}
	return nil, "", false
}

// stat describes the file or directory at p, a path as of fs.ValidPath.
func (t *Tree) stat(p string) (fs.FileInfo, error) {
	err := fs.ErrNotExist
	if fsys, rel, ok := t.find(p); ok {
		var info fs.FileInfo
		if info, err = fs.Stat(fsys, rel); err == nil {
			return info, nil
		}
	}
	if t.leads(p) && errors.Is(err, fs.ErrNotExist) {
		return directory(path.Base(p)), nil
	}
	return nil, err
}

func (t *Tree) leads(p string) bool {
	if t == nil {
		return p == "."
	}
	_, ok := t.leading[p]
	return ok
}

// open opens the regular file at p.
func (t *Tree) open(p string) (fs.File, error) {
	fsys, rel, ok := t.find(p)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return fsys.Open(rel)
}

// list returns the entries of the directory at p, sorted by name.
func (t *Tree) list(p string) ([]fs.DirEntry, error) {
	var entries []fs.DirEntry
	if fsys, rel, ok := t.find(p); ok {
		var err error
		if entries, err = fs.ReadDir(fsys, rel); err != nil && !t.leads(p) {
			return nil, err
		}
	}
	if t != nil {
		for _, name := range t.leading[p] {
			entries = slices.DeleteFunc(slices.Clone(entries), func(e fs.DirEntry) bool { return e.Name() == name })
			entries = append(entries, fs.FileInfoToDirEntry(directory(name)))
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// directory describes a directory that leads to a mount point.
type directory string

func (d directory) Name() string     { return string(d) }
func (directory) Size() int64        { return 0 }
func (directory) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (directory) ModTime() time.Time { return time.Time{} }
func (directory) IsDir() bool        { return true }
func (directory) Sys() any           { return nil }
