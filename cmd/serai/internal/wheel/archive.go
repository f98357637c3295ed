package wheel

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of what is unpacked.
const (
	maxWheelFiles = 20_000
	maxWheelBytes = 256 << 20
)

// archive is a wheel, unpacked.
type archive struct {
	pkg      Package
	pure     bool              // the file's name says that it runs anywhere
	files    map[string][]byte // by path in site-packages
	compiled []string          // files that are native code, not in files
	requires []dependency
}

// dependency is one Requires-Dist.
type dependency struct {
	name     string
	optional bool // only with one of the requiring package's extras
	extras   bool // asks for extras itself
}

// openWheel unpacks a wheel file.
func openWheel(file string) (*archive, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a wheel: %w", err)
	}
	a, err := readWheel(filepath.Base(file), content)
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", filepath.Base(file), err)
	}
	return a, nil
}

func readWheel(name string, content []byte) (*archive, error) {
	parts := strings.Split(strings.TrimSuffix(name, ".whl"), "-")
	if len(parts) < 5 || !strings.HasSuffix(name, ".whl") {
		return nil, errors.New("its name is not that of a wheel")
	}
	sum := sha256.Sum256(content)
	a := &archive{
		pkg:   Package{Name: normal(parts[0]), Version: parts[1], Hash: hex.EncodeToString(sum[:])},
		pure:  parts[len(parts)-1] == "any",
		files: make(map[string][]byte),
	}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	if len(z.File) > maxWheelFiles {
		return nil, fmt.Errorf("it has over %d files", maxWheelFiles)
	}
	left := int64(maxWheelBytes)
	for _, f := range z.File {
		if err := a.add(f, &left); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *archive) add(f *zip.File, left *int64) error {
	if !filepath.IsLocal(f.Name) || strings.Contains(f.Name, `\`) {
		return fmt.Errorf("the file %q leads out of it", f.Name)
	}
	name, ok := place(f.Name)
	if !ok || strings.HasSuffix(f.Name, "/") {
		return nil
	}
	if native(name) {
		a.compiled = append(a.compiled, name)
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r, *left+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if *left -= int64(len(data)); *left < 0 {
		return fmt.Errorf("it has over %d bytes", maxWheelBytes)
	}
	if dir, base := path.Split(name); base == "METADATA" && strings.HasSuffix(dir, ".dist-info/") {
		a.metadata(data)
	}
	a.files[name] = data
	return nil
}

// place returns where a wheel's file is installed in site-packages; false if
// a service has no use for it.
func place(name string) (string, bool) {
	top, rest, below := strings.Cut(name, "/")
	if below && strings.HasSuffix(top, ".data") {
		kind, inner, _ := strings.Cut(rest, "/")
		if kind != "purelib" && kind != "platlib" {
			return "", false // scripts, headers, data of the system
		}
		name = inner
	}
	if below && strings.HasSuffix(top, ".dist-info") {
		base := path.Base(rest)
		keep := base == "METADATA" || base == "entry_points.txt" || base == "top_level.txt" ||
			strings.Contains(strings.ToLower(rest), "licen") || strings.HasPrefix(base, "COPYING") || strings.HasPrefix(base, "NOTICE")
		return name, keep
	}
	return name, !slices.Contains(useless, path.Ext(name)) && !strings.Contains("/"+name, "/__pycache__/") && !hidden(name)
}

// useless are the extensions of files that matter to compilers and editors.
var useless = []string{".pyi", ".pyc", ".pth", ".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".h", ".hpp", ".rs", ".exe", ".a", ".lib"}

func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// native reports whether a file is machine code.
func native(name string) bool {
	base := strings.ToLower(path.Base(name))
	return slices.Contains([]string{".so", ".pyd", ".dll", ".dylib"}, path.Ext(base)) || strings.Contains(base, ".so.")
}

// metadata reads what the package is called and needs.
func (a *archive) metadata(text []byte) {
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return // the file's name says enough
	}
	if v := h.Get("Version"); v != "" {
		a.pkg.Version = v
	}
	for _, line := range h["Requires-Dist"] {
		m := requirementName.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		_, marker, _ := strings.Cut(line, ";")
		a.requires = append(a.requires, dependency{normal(m[1]), strings.Contains(marker, "extra"), m[2] != ""})
	}
}

// merge puts the files of all packages together.
func merge(all []*archive) (map[string][]byte, error) {
	files := make(map[string][]byte)
	owner := make(map[string]string)
	for _, a := range all {
		for name, data := range a.files {
			if old, ok := files[name]; ok && !bytes.Equal(old, data) {
				return nil, fmt.Errorf("the packages %s and %s both have the file %s", owner[name], a.pkg.Name, name)
			}
			files[name], owner[name] = data, a.pkg.Name
		}
	}
	return files, nil
}
