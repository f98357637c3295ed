package wheel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// lock is the content of a requirements.lock.
type lock struct {
	digest   string // of the requirements that it is for
	packages []Package
}

const (
	lockHead = `# The packages of this service, made by serai from requirements.txt for Python ` + PythonVersion + `.
# Commit it. "serai build --upgrade" makes it anew; pip install --require-hashes -r reads it.
`
	digestLine   = "# requirements sha256:"
	sourceNote   = "# built from source"
	strippedNote = "# without its compiled parts"
)

// format returns the file, in pip's hash-checking format.
func (l *lock) format() []byte {
	var b bytes.Buffer
	b.WriteString(lockHead)
	fmt.Fprintf(&b, "%s%s\n", digestLine, l.digest)
	slices.SortFunc(l.packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range l.packages {
		if p.Source {
			b.WriteString(sourceNote + "\n")
		}
		if p.Stripped {
			b.WriteString(strippedNote + "\n")
		}
		fmt.Fprintf(&b, "%s==%s \\\n    --hash=sha256:%s\n", p.Name, p.Version, p.Hash)
	}
	return b.Bytes()
}

// key names what a lock's packages unpack to, in the cache.
func (l *lock) key() string {
	h := sha256.New()
	fmt.Fprintf(h, "1\n%s", l.format())
	return hex.EncodeToString(h.Sum(nil))
}

var pin = regexp.MustCompile(`^([A-Za-z0-9._-]+)==([A-Za-z0-9.!+_-]+)\s+--hash=sha256:([0-9a-f]{64})$`)

// readLock reads the file; nil if it does not exist.
func readLock(path string) (*lock, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no lock is not an error
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lock: %w", err)
	}
	l, err := parseLock(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; delete it to have it made anew", filepath.Base(path), err)
	}
	return l, nil
}

func parseLock(text string) (*lock, error) {
	l := &lock{}
	var next Package
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\\\n", " ")
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, digestLine):
			l.digest = strings.TrimPrefix(line, digestLine)
		case line == sourceNote:
			next.Source = true
		case line == strippedNote:
			next.Stripped = true
		case line == "" || strings.HasPrefix(line, "#"):
		default:
			m := pin.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("entry %d is not NAME==VERSION --hash=sha256:HASH", number+1)
			}
			next.Name, next.Version, next.Hash = m[1], m[2], m[3]
			l.packages = append(l.packages, next)
			next = Package{}
		}
	}
	if l.digest == "" {
		return nil, errors.New("it was not made by serai")
	}
	return l, nil
}
