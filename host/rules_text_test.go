package host_test

import (
	"bytes"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// folders are the top-level folders; what fits none of them is in the wrong
// repository.
var folders = []string{"abi", "host", "guest-sdk", "modules", "storage", "cmd", "bench", "docs"}

// foreign are files that others wrote and that stay as they are.
var foreign = []string{"LICENSE", "go.sum", "modules/python/LICENSE", "modules/python/patches/", "bench/results/"}

// texts are what no file of ours holds.
var texts = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`), "finish it, or write an issue"},
	{regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(root|work|home|Users)/[A-Za-z0-9_.-]+`), "paths of one machine mean nothing on another"},
	{regexp.MustCompile(`(?m)^(<{7}|>{7}) `), "a merge was not finished"},
}

func TestTexts(t *testing.T) {
	const mostLines = 500
	walk(t, func(name string, content []byte) {
		if slices.ContainsFunc(foreign, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return
		}
		lines := bytes.Count(content, []byte("\n"))
		switch path.Ext(name) {
		case ".go", ".py", ".sh", ".h", ".md":
			if lines > mostLines && !strings.Contains(name, "/testdata/") {
				t.Errorf("%s has %d lines: a file holds one idea, %d lines are enough for it", name, lines, mostLines)
			}
		}
		if len(content) > 0 && content[len(content)-1] != '\n' && !strings.Contains(name, "testdata/") {
			t.Errorf("%s does not end with a line feed", name)
		}
		for _, x := range texts {
			if at := x.pattern.FindIndex(content); at != nil {
				t.Errorf("%s:%d holds %q: %s", name, 1+bytes.Count(content[:at[0]], []byte("\n")), content[at[0]:at[1]], x.reason)
			}
		}
	})
}

func TestFolders(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(folders, e.Name()) && !strings.HasPrefix(e.Name(), ".") && e.Name() != "serai-data" && e.Name() != "bin" {
			t.Errorf("folder %s: the top-level folders are %s", e.Name(), strings.Join(folders, ", "))
		}
	}
}
