package host_test

import (
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
)

func TestParseTrace(t *testing.T) {
	t.Parallel()
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if got, ok := host.ParseTrace(good, "a=1,b=2"); !ok || got != (host.Trace{Parent: good, State: "a=1,b=2"}) {
		t.Errorf("%+v %t", got, ok)
	}
	for _, state := range []string{strings.Repeat("x", 513), "a=\n", "a=é"} {
		if got, ok := host.ParseTrace(good, state); !ok || got.State != "" {
			t.Errorf("state %q: %+v %t", state, got, ok)
		}
	}
	for _, bad := range []string{
		"", "00", strings.ToUpper(good), "01" + good[2:], "ff" + good[2:], good + "-00", good[:54], good[:53] + "zz",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		strings.Replace(good, "4bf92f35", "4bf9-f35", 1), strings.Replace(good, "-00f0", "000f0", 1),
	} {
		if got, ok := host.ParseTrace(bad, ""); ok || got != (host.Trace{}) {
			t.Errorf("%q is taken: %+v", bad, got)
		}
	}
	if got := host.TraceOf(t.Context()); got != (host.Trace{}) {
		t.Errorf("a context without a trace has %+v", got)
	}
	if got := host.TraceOf(host.WithTrace(t.Context(), host.Trace{Parent: good})); got.Parent != good {
		t.Errorf("%+v", got)
	}
}
