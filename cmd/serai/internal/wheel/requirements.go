package wheel

import (
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

// requirements is a requirements.txt without what Serai serves itself.
type requirements struct {
	lines   []string // requirements, one each
	options []string // lines such as --index-url URL
	names   []string // of the lines, normalised
	served  []string // notes on what is left out
	digest  string   // of everything that decides on the outcome
}

const maxIncludes = 20

var (
	requirementName = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?`)
	comment         = regexp.MustCompile(`(^|\s)#.*$`)
	separators      = regexp.MustCompile(`[-_.]+`)
)

// normal is the form of a package's name that is compared (PEP 503).
func normal(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// readRequirements reads the file and those that it includes; nil if it does
// not exist.
func readRequirements(path string) (*requirements, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no requirements is not an error
	}
	r := &requirements{}
	h := sha256.New()
	if err := r.include(path, h.Write, 0); err != nil {
		return nil, err
	}
	r.digest = hex.EncodeToString(h.Sum(nil))
	return r, nil
}

// include adds the lines of a file. Each line that counts goes to sum.
func (r *requirements) include(path string, sum func([]byte) (int, error), depth int) error {
	if depth > maxIncludes {
		return fmt.Errorf("%s includes itself", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading requirements: %w", err)
	}
	for number, line := range logicalLines(string(text)) {
		if err := r.add(filepath.Dir(path), line, sum, depth); err != nil {
			return fmt.Errorf("%s:%d: %w", filepath.Base(path), number, err)
		}
	}
	return nil
}

// logicalLines yields the lines of a requirements file that say something,
// with the number of their first: without comments, continued ones as one.
func logicalLines(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var open strings.Builder
		first := 0
		for i, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if first == 0 {
				first = i + 1
			}
			if part, more := strings.CutSuffix(line, `\`); more && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				open.WriteString(part)
				continue
			}
			open.WriteString(line)
			whole := strings.TrimSpace(comment.ReplaceAllString(open.String(), ""))
			open.Reset()
			if whole != "" && !yield(first, whole) {
				return
			}
			first = 0
		}
	}
}

func (r *requirements) add(dir, line string, sum func([]byte) (int, error), depth int) error {
	if strings.HasPrefix(line, "-") {
		return r.option(dir, line, sum, depth)
	}
	m := requirementName.FindStringSubmatch(line)
	if m == nil || strings.Contains(line, "://") || strings.HasPrefix(line, ".") || strings.ContainsAny(m[1], `/\`) || isFile(dir, line) {
		return fmt.Errorf("%q is not the name of a package in an index: put its source beside the service, or publish it to an index", line)
	}
	name := normal(m[1])
	if why, ok := servedBy(name); ok {
		r.served = append(r.served, fmt.Sprintf("%s is left out: %s", m[1], why))
		return nil
	}
	if f := refusals[name]; f != nil && f.pure == "" {
		return &RefusedError{Name: m[1], Why: f.why, Instead: f.instead}
	}
	_, err := sum([]byte(line + "\n"))
	r.lines = append(r.lines, line)
	r.names = append(r.names, name)
	return err
}

func isFile(dir, line string) bool {
	if !strings.ContainsAny(line, `/\`) && filepath.Ext(line) != ".whl" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, line))
	return err == nil
}

// option handles a line that begins with a hyphen.
func (r *requirements) option(dir, line string, sum func([]byte) (int, error), depth int) error {
	name, value := splitOption(line)
	switch name {
	case "-r", "--requirement":
		return r.include(absolute(dir, value), sum, depth+1)
	case "-c", "--constraint":
		content, err := os.ReadFile(absolute(dir, value))
		if err != nil {
			return fmt.Errorf("reading constraints: %w", err)
		}
		r.options = append(r.options, "--constraint "+absolute(dir, value))
		_, err = sum(append([]byte("constraint\n"), content...))
		return err
	case "-f", "--find-links":
		if !strings.Contains(value, "://") {
			line = "--find-links " + absolute(dir, value)
		}
	case "-i", "--index-url", "--extra-index-url", "--no-index", "--trusted-host", "--pre", "--prefer-binary":
	case "-e", "--editable":
		return fmt.Errorf("%s: an editable package cannot be packed; put its source beside the service", name)
	default:
		return fmt.Errorf("%s is not an option that a service's requirements may have", name)
	}
	_, err := sum([]byte(name + " " + value + "\n"))
	r.options = append(r.options, line)
	return err
}

// splitOption splits "-r x", "-rx", "--requirement x" and "--requirement=x".
func splitOption(line string) (name, value string) {
	if !strings.HasPrefix(line, "--") && len(line) > 2 {
		return line[:2], strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line[2:]), "="))
	}
	i := strings.IndexAny(line, " =\t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i+1:])
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	if abs, err := filepath.Abs(filepath.Join(dir, path)); err == nil {
		return abs
	}
	return filepath.Join(dir, path)
}

// servedBy says how Serai serves a package itself.
func servedBy(name string) (why string, ok bool) {
	if name == "zato" || strings.HasPrefix(name, "zato-") {
		return "Serai has the zato package that services import", true
	}
	why, ok = served[name]
	return why, ok
}

// served are packages that the host brings, by normalised name.
var served = map[string]string{
	"bunch":    "Serai has it",
	"redis":    "self.kvdb.conn has its calls over the tenant's own store",
	"requests": "Serai has it, and sends its requests through the connections that the service is granted",
	"serai":    "it is what services run on",
	"urllib3":  "Serai has what users of requests take from it",
}

// direct reports whether requirements.txt itself names the package.
func (r *requirements) direct(name string) bool { return slices.Contains(r.names, name) }
