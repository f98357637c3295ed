package telemetry_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/telemetry"
)

func call(tenant, service string) telemetry.CallStats {
	return telemetry.CallStats{
		Tenant: tenant, Service: service, Channel: abi.ChannelHTTP, Code: abi.OK, Status: 200,
		Wall: 3 * time.Millisecond, CPU: 2 * time.Millisecond, Queued: 500 * time.Millisecond, DirtyPages: 7, MemoryBytes: 1 << 20,
	}
}

// count returns the number of time series that name the tenant and service.
func count(t *testing.T, g prometheus.Gatherer, tenant, service string) int {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			found := 0
			for _, l := range m.GetLabel() {
				if l.GetName() == "tenant" && l.GetValue() == tenant || l.GetName() == "service" && l.GetValue() == service {
					found++
				}
			}
			if found == 2 {
				n++
			}
		}
	}
	return n
}

var update = flag.Bool("update", false, "rewrite the golden files")

// text returns the metrics whose names begin with prefix, as a scrape shows them.
func text(t *testing.T, g prometheus.Gatherer, prefix string) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), prefix) {
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.String()
}

func TestMetrics(t *testing.T) {
	m := telemetry.NewMetrics()
	m.Observe(call("a", "x"))
	m.Observe(call("a", "x"))
	failed := call("a", "x")
	failed.Code, failed.Status, failed.Channel = abi.Timeout, 504, "smoke signal"
	m.Observe(failed)
	odd := call("a", "x")
	odd.Code, odd.Status = 99, 0
	m.Observe(odd)
	m.SetPressure(func() telemetry.Pressure {
		return telemetry.Pressure{InFlight: 1, Queued: 2, Instances: 3, MemoryBytes: 4}
	})
	got := text(t, m.Registry(), "serai_")
	if *update {
		if err := os.WriteFile("testdata/metrics.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMetricsForget(t *testing.T) {
	m := telemetry.NewMetrics()
	for _, s := range []string{"x", "y"} {
		m.Observe(call("a", s))
		m.Observe(call("b", s))
	}
	before := count(t, m.Registry(), "a", "x")
	m.Forget("a", "x")
	m.Forget("b", "")
	m.Forget("none", "")
	for where, want := range map[[2]string]int{{"a", "x"}: 0, {"a", "y"}: before, {"b", "x"}: 0, {"b", "y"}: 0} {
		if got := count(t, m.Registry(), where[0], where[1]); got != want || before == 0 {
			t.Errorf("%v has %d series, want %d", where, got, want)
		}
	}
	m.Observe(call("a", "x")) // deployed again
	if got := count(t, m.Registry(), "a", "x"); got != before {
		t.Errorf("%d series after the service came back, want %d", got, before)
	}
}

func TestForTenant(t *testing.T) {
	m := telemetry.NewMetrics()
	m.Observe(call("a", "x"))
	m.Observe(call("b", "x"))
	families, err := m.ForTenant("a").Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) == 0 {
		t.Error("nothing")
	}
	for _, f := range families {
		if !strings.Contains(f.String(), `"a"`) || strings.Contains(f.String(), `"b"`) {
			t.Errorf("the view of a has %s", f)
		}
	}
}

func TestMetricsCardinalityIsBounded(t *testing.T) {
	m := telemetry.NewMetrics()
	for i := range telemetry.MaxMeteredServices + 100 {
		m.Observe(call("a", fmt.Sprint(i)))
	}
	if got := strings.Count(text(t, m.Registry(), "serai_memory_bytes"), "serai_memory_bytes{"); got > telemetry.MaxMeteredServices+1 {
		t.Errorf("%d services have series", got)
	}
	if count(t, m.Registry(), telemetry.OtherTenant, telemetry.OtherService) == 0 {
		t.Error("the calls beyond the bound are not counted")
	}
}

func TestMetricsHammer(t *testing.T) {
	m := telemetry.NewMetrics()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 3000 {
				c := call(fmt.Sprint("t", i%3), fmt.Sprint("s", i%5))
				c.Code, c.Status = abi.Code(i%14), 100*(i%7)
				m.Observe(c)
			}
		})
		wg.Go(func() {
			for i := range 20 {
				m.Forget(fmt.Sprint("t", i%3), "")
				if _, err := m.Registry().Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkObserve(b *testing.B) {
	m := telemetry.NewMetrics()
	c := call("a", "x")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Observe(c)
		}
	})
}
