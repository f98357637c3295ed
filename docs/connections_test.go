package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/connector/standard"
)

var setting = regexp.MustCompile("(?m)^\\| `(\\w+)` \\|(.*?)\\| .* \\|$")

// TestConnectionTypes compares the tables of connections.md with the connectors.
func TestConnectionTypes(t *testing.T) {
	raw, err := os.ReadFile("connections.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range standard.Connectors() {
		_, section, ok := strings.Cut(string(raw), "\n## Type "+c.Type+"\n")
		if !ok {
			t.Errorf("type %s is not described", c.Type)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		type row struct{ Name, Default string }
		var want, got []row
		for _, f := range c.Config {
			r := row{f.Name, ""}
			switch {
			case f.Required:
				r.Default = "required"
			case f.Default != "":
				r.Default = "`" + f.Default + "`"
			}
			want = append(want, r)
		}
		for _, m := range setting.FindAllStringSubmatch(section, -1) {
			got = append(got, row{m[1], strings.TrimSpace(m[2])})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("type %s (-connector +document):\n%s", c.Type, diff)
		}
	}
}
