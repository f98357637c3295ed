package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
)

// TestDefaults compares the tables of quotas and limits with the code.
func TestDefaults(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("tenants.md")
	if err != nil {
		t.Fatal(err)
	}
	_, quotas, _ := strings.Cut(string(raw), "| Quota |")
	quotas, limits, _ := strings.Cut(quotas, "| Limit |")
	for text, v := range map[string]any{quotas: host.DefaultQuota(), limits: host.DefaultLimits()} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(b, &fields); err != nil {
			t.Fatal(err)
		}
		for name, value := range fields {
			if line := fmt.Sprintf("| `%s` | %v |", name, value); !strings.Contains(text, line) {
				t.Errorf("tenants.md lacks a line that begins with: %s", line)
			}
		}
		if n := strings.Count(text, "\n| `"); n != len(fields) {
			t.Errorf("tenants.md has %d lines of a table, there are %d values of %T", n, len(fields), v)
		}
	}
}

// TestMetrics wants every metric described.
func TestMetrics(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("operator.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../host/telemetry/testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		rest, ok := strings.CutPrefix(line, "# HELP ")
		name, _, _ := strings.Cut(rest, " ")
		if !ok || !strings.HasPrefix(name, "serai_") {
			continue
		}
		if n++; !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("operator.md does not mention %s", name)
		}
	}
	if n == 0 {
		t.Error("there are no metrics")
	}
}
