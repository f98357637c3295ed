package docs_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of a document: ```lang key=value …
type block struct {
	line  int // where it begins
	lang  string
	attrs map[string]string
	text  string
}

var attribute = regexp.MustCompile(`([a-z]+)=("[^"]*"|\S+)`)

// blocks returns the fenced blocks of a document.
func blocks(t *testing.T, path string) []block {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	var open *block
	for i, line := range strings.SplitAfter(string(raw), "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			lang, rest, _ := strings.Cut(strings.TrimSpace(info), " ")
			open = &block{line: i + 1, lang: lang, attrs: map[string]string{}}
			for _, m := range attribute.FindAllStringSubmatch(rest, -1) {
				open.attrs[m[1]] = strings.Trim(m[2], `"`)
			}
		case fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block does not end", path, open.line)
	}
	return all
}

// step is a command of a console block and what it prints.
type step struct{ command, want string }

// steps reads a console block: "$ command", with "> " for more of its lines,
// and its output below.
func steps(b block) (all []step, err error) {
	for line := range strings.Lines(b.text) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		more, isMore := strings.CutPrefix(line, "> ")
		switch {
		case isCommand:
			all = append(all, step{command: command})
		case len(all) == 0:
			return nil, fmt.Errorf("the block begins with output: %s", line)
		case isMore && all[len(all)-1].want == "":
			all[len(all)-1].command += more
		default:
			all[len(all)-1].want += line
		}
	}
	return all, nil
}

// matches reports whether got is what want describes: "…" stands for
// anything in a line, and on a line of its own for any lines.
func matches(want, got string) bool {
	var pattern strings.Builder
	for line := range strings.Lines(strings.TrimSpace(want) + "\n") {
		if line == "…\n" {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		line = strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSuffix(line, "\n")), "…", ".*")
		pattern.WriteString(spaces.ReplaceAllString(line, " +") + `\n`)
	}
	got = trailing.ReplaceAllString(strings.TrimSpace(got)+"\n", "\n")
	return regexp.MustCompile("^" + pattern.String() + "$").MatchString(got)
}

var (
	spaces   = regexp.MustCompile(` +`)
	trailing = regexp.MustCompile(` +\n`)
)

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		want, got string
		match     bool
	}{
		{"a", "a\n", true},
		{"a", "b", false},
		{"a (…) c", "a (b) c", true},
		{"a\n…\nz", "a\nb\nc\nz", true},
		{"a …", "a b\nc", false},
		{"a\n…", "a", true},
		{"…\nb", "b", true},
		{"NAME VERSION", "NAME   VERSION", true},
		{"…", "", true},
	} {
		if matches(v.want, v.got) != v.match {
			t.Errorf("matches(%q, %q) is not %v", v.want, v.got, v.match)
		}
	}
}
