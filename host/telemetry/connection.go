package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seraihost/serai/host"
)

// connectionCollector asks for the counts of connections at every scrape, so
// that a connection that is deleted takes its time series with it.
type connectionCollector struct{ m *Metrics }

var _ prometheus.Collector = connectionCollector{}

var connectionLabels = []string{"tenant", "connection", "type"}

func connectionDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("serai_connector_"+name, help, append(connectionLabels[:3:3], more...), nil)
}

var (
	connectionOps      = connectionDesc("operations_total", "Operations of connections by outcome.", "op", "code")
	connectionSeconds  = connectionDesc("operation_seconds", "Time of operations, waits included.")
	connectionInFlight = connectionDesc("in_flight", "Operations that are under way now.")
	connectionWaiting  = connectionDesc("waiting", "Operations that wait for room in the tenant's quota now.")
	connectionOpen     = connectionDesc("open", "1 while the connection is open.")
	connectionResting  = connectionDesc("resting", "1 while the system is down and left alone.")
	connectionOpened   = connectionDesc("opened_total", "Times that the connection was opened.")
	connectionPings    = connectionDesc("pings_total", "Pings by whether they were answered.", "answered")
)

// SetConnections gives the function that calls another one with the counts of
// each connection. It is called for every scrape and must not block.
func (m *Metrics) SetConnections(each func(func(host.ConnectionStats))) { m.connections.Store(&each) }

// Describe implements prometheus.Collector.
func (connectionCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		connectionOps, connectionSeconds, connectionInFlight, connectionWaiting,
		connectionOpen, connectionResting, connectionOpened, connectionPings,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c connectionCollector) Collect(ch chan<- prometheus.Metric) {
	each := c.m.connections.Load()
	if each == nil || *each == nil {
		return
	}
	(*each)(func(s host.ConnectionStats) {
		send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, more ...string) {
			ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{s.Tenant, s.Name, s.Type}, more...)...)
		}
		var total uint64
		buckets := make(map[float64]uint64, len(host.DurationBounds))
		for i, bound := range host.DurationBounds {
			total += s.Durations[i]
			buckets[bound.Seconds()] = total
		}
		total += s.Durations[len(host.DurationBounds)]
		ch <- prometheus.MustNewConstHistogram(connectionSeconds, total, s.Seconds, buckets, s.Tenant, s.Name, s.Type)
		for _, o := range s.Ops {
			send(connectionOps, prometheus.CounterValue, float64(o.Count), o.Op, o.Code.String())
		}
		send(connectionInFlight, prometheus.GaugeValue, float64(s.InFlight))
		send(connectionWaiting, prometheus.GaugeValue, float64(s.Waiting))
		send(connectionOpen, prometheus.GaugeValue, one(s.Open))
		send(connectionResting, prometheus.GaugeValue, one(s.State == host.ConnectionResting))
		send(connectionOpened, prometheus.CounterValue, float64(s.Opened))
		send(connectionPings, prometheus.CounterValue, float64(s.Pings), "yes")
		send(connectionPings, prometheus.CounterValue, float64(s.PingFailures), "no")
	})
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
