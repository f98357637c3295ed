package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/cmd/serai/internal/wheel"
)

// packed is a file of an archive.
type packed struct {
	name    string
	content []byte
}

// unpack reads the regular files of an archive, whose names are local.
func unpack(archive []byte) ([]packed, error) {
	var out []packed
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if len(out) == maxFiles || !filepath.IsLocal(filepath.FromSlash(h.Name)) {
			return nil, fmt.Errorf("the archive has over %d files, or one that leads out of it: %q", maxFiles, printable(h.Name))
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		out = append(out, packed{path.Clean(h.Name), content})
	}
}

// hasPackages reports whether an archive brings packages along.
func hasPackages(files []packed) bool {
	for _, f := range files {
		if strings.HasPrefix(f.name, wheel.Folder+"/") {
			return true
		}
	}
	return false
}
