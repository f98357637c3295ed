package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/standard"
)

var setting = regexp.MustCompile("(?m)^\\| (`\\w+`(?:, `\\w+`)*) \\|(.*?)\\| .* \\|$")

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
		compareFields(t, "connections of type "+c.Type, section, c.Config)
	}
}

// TestChannelTypes does the same with channels.md.
func TestChannelTypes(t *testing.T) {
	raw, err := os.ReadFile("channels.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range standard.Sources() {
		_, section, ok := strings.Cut(string(raw), "The settings of type `"+s.Type+"`:\n")
		if !ok {
			t.Errorf("type %s is not described", s.Type)
			continue
		}
		section, _, _ = strings.Cut(section, "\n##")
		compareFields(t, "channels of type "+s.Type, section, s.Config)
	}
}

func compareFields(t *testing.T, what, section string, fields []connector.Field) {
	t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for _, f := range fields {
		want[f.Name] = strings.TrimPrefix(f.Default, "0") // which leaves it to the connector
	}
	for _, m := range setting.FindAllStringSubmatch(section, -1) {
		for _, name := range code.FindAllStringSubmatch(m[1], -1) {
			got[name[1]] = ""
			if strings.Contains(m[2], want[name[1]]) {
				got[name[1]] = want[name[1]]
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-connector +document):\n%s", what, diff)
	}
}
