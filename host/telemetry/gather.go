package telemetry

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// pressureCollector asks for the host's pressure at every scrape.
type pressureCollector struct{ m *Metrics }

var _ prometheus.Collector = pressureCollector{}

// Describe implements prometheus.Collector.
func (c pressureCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.m.inFlight, c.m.waiting, c.m.inst, c.m.m} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c pressureCollector) Collect(ch chan<- prometheus.Metric) {
	fn := c.m.pressure.Load()
	if fn == nil || *fn == nil {
		return
	}
	p := (*fn)()
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	gauge(c.m.inFlight, float64(p.InFlight))
	gauge(c.m.waiting, float64(p.Queued))
	gauge(c.m.inst, float64(p.Instances))
	gauge(c.m.m, float64(p.MemoryBytes))
}

// ForTenant returns a view of the metrics that holds the time series of one
// tenant and nothing else.
func (m *Metrics) ForTenant(tenant string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := m.registry.Gather()
		if err != nil {
			return nil, fmt.Errorf("gathering metrics: %w", err)
		}
		var out []*dto.MetricFamily
		for _, f := range families {
			var own []*dto.Metric
			for _, metric := range f.GetMetric() {
				for _, l := range metric.GetLabel() {
					if l.GetName() == "tenant" && l.GetValue() == tenant {
						own = append(own, metric)
					}
				}
			}
			if len(own) > 0 {
				f.Metric = own
				out = append(out, f)
			}
		}
		return out, nil
	})
}
