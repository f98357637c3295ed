package python

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bundle is an uploaded folder with Python sources.
type Bundle struct {
	Files   fs.FS    // what the service sees at AppPath
	Entries []string // paths in Files of the files to load, such as "service.py"
}

// maxFiles bounds the files of a bundle.
const maxFiles = 20_000

// entries are the names that are looked for, in this order.
var entries = []string{"service.py", "main.py", "app.py"}

// Open reads a tar archive. entry is the file to load; if it is "", that is
// service.py, main.py or app.py, or else every Python file at the top that
// is no test. An error is a *[host.Error] for the author.
//
// Hidden folders, caches and bytecode are left out. Compiled extensions,
// links and whatever else is no regular file are refused.
func Open(archive []byte, entry string) (*Bundle, error) {
	f := newFiles()
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, host.FieldErrorf("module", "the folder's archive is broken: %w", err)
		}
		if err := addEntry(f, h, r); err != nil {
			return nil, err
		}
	}
	f.seal()
	load, err := findEntries(f, entry)
	if err != nil {
		return nil, err
	}
	return &Bundle{Files: f, Entries: load}, nil
}

// addEntry adds one entry of an archive to f.
func addEntry(f files, h *tar.Header, r io.Reader) error {
	name := path.Clean(h.Name)
	shown := host.Clip(h.Name)
	switch {
	case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
		return nil
	case path.IsAbs(name) || !fs.ValidPath(name):
		return host.FieldErrorf("module", "%q leads out of the folder", shown)
	case ignored(name):
		return nil
	case h.Typeflag != tar.TypeReg:
		return host.FieldErrorf("module", "%q is a link or a special file: upload the file itself", shown)
	case compiled(name):
		return host.FieldErrorf("module", "%q is a compiled extension, which needs a native processor: use a pure-Python package instead, or a connection to a system that does the work", shown)
	case len(f) > maxFiles:
		return host.FieldErrorf("module", "the folder has more than %d files", maxFiles)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return host.FieldErrorf("module", "the folder's archive is broken at %q: %w", shown, err)
	}
	if err := f.add(name, int64(len(data)), func() ([]byte, error) { return data, nil }); err != nil {
		return host.FieldErrorf("module", "the folder's archive is wrong: %w", err)
	}
	return nil
}

// ignored reports whether a file is of no use to a service.
func ignored(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "__pycache__" || strings.HasPrefix(part, ".") {
			return true
		}
	}
	return strings.HasSuffix(name, ".pyc") || strings.HasSuffix(name, ".pyo")
}

// compiled reports whether a file is an extension module or library of
// native code.
func compiled(name string) bool {
	base := strings.ToLower(path.Base(name))
	return slices.Contains([]string{".so", ".pyd", ".dll", ".dylib"}, path.Ext(base)) || strings.Contains(base, ".so.")
}

// findEntries returns the files to load, sorted.
func findEntries(f files, wanted string) ([]string, error) {
	if wanted != "" {
		p := path.Clean(strings.TrimPrefix(wanted, AppPath+"/"))
		n := f[p]
		if n == nil || n.IsDir() || !strings.HasSuffix(p, ".py") {
			return nil, host.FieldErrorf("entry", "the folder has no Python file %q", host.Clip(wanted))
		}
		return []string{p}, nil
	}
	for _, name := range entries {
		if n := f[name]; n != nil && !n.IsDir() {
			return []string{name}, nil
		}
	}
	top := f["."].entries
	if len(top) == 1 && strings.HasSuffix(top[0].Name(), ".py") && !top[0].IsDir() {
		return []string{top[0].Name()}, nil // a file on its own is the service, whatever it is called
	}
	var found []string
	for _, e := range top {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".py") && !test(e.Name()) {
			found = append(found, e.Name())
		}
	}
	switch {
	case len(found) == 0:
		return nil, host.FieldErrorf("module", "the folder has no Python file at its top that is no test: name the service's file service.py")
	case len(found) > maxEntries:
		return nil, host.FieldErrorf("module", "the folder has %d Python files at its top, at most %d are loaded: move those without services into folders, or import them from service.py", len(found), maxEntries)
	}
	return found, nil
}

// maxEntries bounds the files of an upload that are loaded.
const maxEntries = 500

// test reports whether a file holds tests, as pytest finds them.
func test(name string) bool {
	return name == "conftest.py" || strings.HasPrefix(name, "test_") || strings.HasSuffix(name, "_test.py")
}

// InitEnvelope is what serai_init gets to load the upload. With a service the
// upload is that one, and export the class or function to pick, "" if there
// is only one. upload is what the upload is called.
func (b *Bundle) InitEnvelope(service, export, upload string) abi.Envelope {
	var e abi.Envelope
	if service != "" {
		e.Add(abi.FieldService, service)
	}
	if upload != "" {
		e.Add(abi.FieldUpload, upload)
	}
	for _, entry := range b.Entries {
		e.Add(abi.FieldEntry, AppPath+"/"+entry)
	}
	if export != "" {
		e.Add(abi.FieldClass, export)
	}
	return e
}
