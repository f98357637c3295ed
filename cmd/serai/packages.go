package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seraihost/serai/cmd/serai/internal/wheel"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

// packageFlags say how the packages of requirements.txt are found.
type packageFlags struct {
	python  string
	upgrade bool
}

func (f *packageFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.python, "python", "", "`PROGRAM` that runs pip for requirements.txt (default: SERAI_PYTHON, or python3)")
}

// add puts the packages that the requirements.txt beside a Python service
// asks for into its upload. path is the service's file or folder.
func (f *packageFlags) add(ctx context.Context, a *app, path string, up client.Upload) (client.Upload, *wheel.Result, error) {
	if up.ContentType != host.TypePython && up.ContentType != host.TypeTar || filepath.Ext(path) == ".tar" {
		return up, nil, nil // no Python, or built before
	}
	dir := path
	if up.ContentType == host.TypePython {
		dir = filepath.Dir(path)
	}
	o := wheel.Options{Python: cmp.Or(f.python, a.env("SERAI_PYTHON")), Upgrade: f.upgrade, Log: a.stderr}
	if cache, err := os.UserCacheDir(); err == nil {
		o.CacheDir = filepath.Join(cache, "serai", "packages")
	}
	r, err := wheel.Resolve(ctx, dir, o)
	if err != nil || r == nil || len(r.Files) == 0 {
		return up, r, err
	}
	if r.Locked {
		fmt.Fprintf(a.stderr, "wrote %s with %d packages\n", wheel.LockFile, len(r.Packages))
	}
	up, err = addFiles(up, r.Files)
	return up, r, err
}

// addFiles returns the upload with packages in it; that of a single file
// becomes that of a folder.
func addFiles(up client.Upload, files map[string][]byte) (client.Upload, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, content []byte) error {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	if up.ContentType == host.TypePython {
		if err := put(up.FileName, up.Content); err != nil {
			return up, fmt.Errorf("packing %s: %w", up.FileName, err)
		}
		up.FileName, up.ContentType = strings.TrimSuffix(up.FileName, ".py")+".tar", host.TypeTar
	} else if err := copyOwn(put, up.Content); err != nil {
		return up, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := put(wheel.Folder+"/"+name, files[name]); err != nil {
			return up, fmt.Errorf("packing %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return up, fmt.Errorf("packing packages: %w", err)
	}
	if b.Len() > maxPacked {
		return up, fmt.Errorf("the service and its packages have %d bytes, at most %d", b.Len(), maxPacked)
	}
	up.Content = b.Bytes()
	return up, nil
}

// copyOwn hands the files of a folder's archive to put.
func copyOwn(put func(string, []byte) error, archive []byte) error {
	return copyFiles(func(name string, content []byte) error {
		if strings.HasPrefix(name, wheel.Folder+"/") {
			return fmt.Errorf("the folder has both %s and a folder %s: keep one of them", wheel.RequirementsFile, wheel.Folder)
		}
		return put(name, content)
	}, archive)
}

// copyFiles puts the files of an archive.
func copyFiles(put func(string, []byte) error, archive []byte) error {
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the packed folder: %w", err)
		}
		content, err := io.ReadAll(r)
		if err == nil {
			err = put(h.Name, content)
		}
		if err != nil {
			return fmt.Errorf("packing %s: %w", h.Name, err)
		}
	}
}
