// Package wheel turns a requirements.txt into the files of pure-Python
// packages that a service brings along.
//
// pip resolves and downloads on the author's machine, for the Python that
// services run on. What it chose is locked with hashes in requirements.lock;
// a lock that fits the requirements is used as it is, so that every machine
// packs the same files. Packages with compiled code are refused by name,
// except those known to work without it.
package wheel

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Names of the files beside a service, and of the folder in the upload.
const (
	RequirementsFile = "requirements.txt"
	LockFile         = "requirements.lock"
	Folder           = "site-packages"
)

// PythonVersion is that of the interpreter that services run on.
const PythonVersion = "3.13"

// Options say how to resolve.
type Options struct {
	Python   string    // program to run pip with; "" finds one
	CacheDir string    // keeps packed files between runs; "" keeps none
	Upgrade  bool      // resolve anew although the lock fits
	Log      io.Writer // gets progress and notes
}

// Result is what the packages of a folder are.
type Result struct {
	Packages []Package
	Files    map[string][]byte // by path below Folder
	Locked   bool              // whether a new lock was written
}

// Package is one that goes into the upload, as the lock has it.
type Package struct {
	Name     string `json:"name"` // normalised
	Version  string `json:"version"`
	Hash     string `json:"sha256"`             // of the file from the index
	Source   bool   `json:"source,omitempty"`   // the file is a source archive, which is built
	Stripped bool   `json:"stripped,omitempty"` // the file has compiled parts, which are left out
}

// Resolve returns the packages that dir's requirements.txt asks for, or nil
// if there is none. It writes requirements.lock beside it unless the one that
// is there fits.
func Resolve(ctx context.Context, dir string, o Options) (*Result, error) {
	req, err := readRequirements(filepath.Join(dir, RequirementsFile))
	if err != nil || req == nil {
		return nil, err
	}
	for _, note := range req.served {
		fmt.Fprintln(o.Log, note)
	}
	lockPath := filepath.Join(dir, LockFile)
	old, err := readLock(lockPath)
	if err != nil {
		return nil, err
	}
	if len(req.lines) == 0 {
		return &Result{}, nil
	}
	if old != nil && old.digest == req.digest && !o.Upgrade {
		return o.fetch(ctx, req, old)
	}
	return o.resolve(ctx, req, old, lockPath)
}

// fetch returns the files of a lock, from the cache if it has them.
func (o Options) fetch(ctx context.Context, req *requirements, l *lock) (*Result, error) {
	files, err := o.cached(l)
	if err != nil {
		return nil, err
	}
	if files == nil {
		fmt.Fprintf(o.Log, "fetching the packages of %s\n", LockFile)
		got, err := o.download(ctx, req, l)
		if err != nil {
			return nil, err
		}
		if files, err = merge(got); err != nil {
			return nil, err
		}
		if err := o.keep(l, files); err != nil {
			return nil, err
		}
	}
	return &Result{Packages: l.packages, Files: files}, nil
}

// resolve asks pip what the requirements need, and locks it.
func (o Options) resolve(ctx context.Context, req *requirements, old *lock, lockPath string) (*Result, error) {
	fmt.Fprintf(o.Log, "resolving %s for Python %s\n", RequirementsFile, PythonVersion)
	if o.Upgrade {
		old = nil
	}
	r, err := newResolution(ctx, o, req, old)
	if err != nil {
		return nil, err
	}
	defer r.close()
	wheels, err := r.run(ctx)
	if err != nil {
		return nil, err
	}
	files, err := merge(wheels)
	if err != nil {
		return nil, err
	}
	l := &lock{digest: req.digest}
	for _, w := range wheels {
		l.packages = append(l.packages, w.pkg)
	}
	if err := os.WriteFile(lockPath, l.format(), 0o644); err != nil { //nolint:gosec // it is the author's source
		return nil, fmt.Errorf("writing the lock: %w", err)
	}
	if err := o.keep(l, files); err != nil {
		return nil, err
	}
	return &Result{Packages: l.packages, Files: files, Locked: true}, nil
}
