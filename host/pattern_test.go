package host_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
)

func TestCutPlaceholders(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2][]string{
		"":                  {{""}, nil},
		"a":                 {{"a"}, nil},
		"{a}":               {{"", ""}, {"a"}},
		"/x/{a}/y":          {{"/x/", "/y"}, {"a"}},
		"x-{a}.{b...}":      {{"x-", ".", ""}, {"a", "b..."}},
		"{}{a b}":           {{"", "", ""}, {"", "a b"}},
		"report-{year}.pdf": {{"report-", ".pdf"}, {"year"}},
	} {
		literals, names, ok := host.CutPlaceholders(in)
		if diff := cmp.Diff(want, [2][]string{literals, names}); diff != "" || !ok {
			t.Errorf("CutPlaceholders(%q): ok %v (-want +got):\n%s", in, ok, diff)
		}
	}
	for _, in := range []string{"{", "}", "{a", "a}", "{a{b}", "{a}}", "}{", "{a}{", "{{a}}"} {
		if literals, names, ok := host.CutPlaceholders(in); ok {
			t.Errorf("CutPlaceholders(%q) = %q, %q", in, literals, names)
		}
	}
}
