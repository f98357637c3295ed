package telemetry

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// CallStats is what one call took.
type CallStats struct {
	Tenant, Service string
	Channel         string        // one of abi.Channel…
	Code            abi.Code      // abi.OK where the service replied
	Status          int           // HTTP status of the reply; 0 if there was none
	Wall            time.Duration // from dispatch to reply, the wait in the queue included
	CPU             time.Duration // that the guest ran
	Queued          time.Duration // that the call waited for its turn
	DirtyPages      int           // that the reset had to restore
	MemoryBytes     int64         // linear memory of the instance at the end; 0 if unknown
}

// Pressure is how busy the host is at a moment.
type Pressure struct {
	InFlight    int   // calls that run
	Queued      int   // calls that wait for their turn
	Instances   int   // instances that exist
	MemoryBytes int64 // their linear memories together
}

// MaxMeteredServices bounds the services with time series of their own. The
// calls of services beyond them are counted together, as OtherService of
// OtherTenant.
const MaxMeteredServices = 10_000

// Where the calls beyond MaxMeteredServices are counted. Neither is a name
// that a tenant or service can have.
const (
	OtherTenant  = "_other"
	OtherService = "_other"
)

// Metrics counts calls for Prometheus. It is safe for concurrent use.
type Metrics struct {
	registry    *prometheus.Registry
	pressure    atomic.Pointer[func() Pressure]
	connections atomic.Pointer[func(func(host.ConnectionStats))]

	calls, replies             *prometheus.CounterVec
	queued, dirty              *prometheus.CounterVec
	memory                     *prometheus.GaugeVec
	seconds, cpuSeconds        *prometheus.HistogramVec
	mu                         sync.Mutex // guards changes of series and the vectors' members
	series                     sync.Map   // seriesKey → *series
	count                      int
	inFlight, waiting, inst, m *prometheus.Desc
}

type seriesKey struct{ tenant, service string }

// NewMetrics returns metrics with a registry of their own, in which the Go
// runtime and the process report too.
func NewMetrics() *Metrics {
	labels := []string{"tenant", "service"}
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(labels[:2:2], more...))
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	buckets := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		calls:      counter("serai_calls_total", "Calls of services by channel and outcome.", "channel", "code"),
		replies:    counter("serai_replies_total", "Replies of services by the class of their HTTP status.", "class"),
		queued:     counter("serai_call_queued_seconds_total", "Time that calls waited for their turn."),
		dirty:      counter("serai_dirty_pages_total", "Pages that resets restored after calls."),
		memory:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "serai_memory_bytes", Help: "Linear memory of the instance that served the last call."}, labels),
		seconds:    histogram("serai_call_seconds", "Wall time of calls, waits included.", buckets),
		cpuSeconds: histogram("serai_call_cpu_seconds", "CPU time of calls.", buckets),
		inFlight:   prometheus.NewDesc("serai_calls_in_flight", "Calls that run now.", nil, nil),
		waiting:    prometheus.NewDesc("serai_calls_queued", "Calls that wait for their turn now.", nil, nil),
		inst:       prometheus.NewDesc("serai_instances", "Instances that exist now.", nil, nil),
		m:          prometheus.NewDesc("serai_instances_memory_bytes", "Linear memory of all instances now.", nil, nil),
	}
	m.registry.MustRegister(m.calls, m.replies, m.queued, m.dirty, m.memory, m.seconds, m.cpuSeconds, pressureCollector{m}, connectionCollector{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry returns what the metrics endpoint serves to the operator.
func (m *Metrics) Registry() prometheus.Gatherer { return m.registry }

// Register adds a collector of another part of the host.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// SetPressure gives the function that tells how busy the host is. It is
// called for every scrape and must not block.
func (m *Metrics) SetPressure(fn func() Pressure) { m.pressure.Store(&fn) }

// Observe counts one call.
func (m *Metrics) Observe(c CallStats) {
	s := m.of(c.Tenant, c.Service)
	s.call(m, c.Channel, c.Code).Inc()
	if class := c.Status / 100; class >= 1 && class <= 5 {
		s.reply(m, class).Inc()
	}
	s.seconds.Observe(c.Wall.Seconds())
	s.cpuSeconds.Observe(c.CPU.Seconds())
	if c.Queued > 0 {
		s.queued.Add(c.Queued.Seconds())
	}
	if c.DirtyPages > 0 {
		s.dirty.Add(float64(c.DirtyPages))
	}
	if c.MemoryBytes > 0 {
		s.memory.Set(float64(c.MemoryBytes))
	}
}

// Forget removes the time series of a service that was deleted, or with
// service "" those of the whole tenant. Call it after the last call ended.
func (m *Metrics) Forget(tenant, service string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.series.Range(func(k, _ any) bool {
		key, ok := k.(seriesKey)
		if ok && key.tenant == tenant && (service == "" || key.service == service) {
			m.remove(key)
		}
		return true
	})
}

// remove drops the series of a key; m.mu is held.
func (m *Metrics) remove(key seriesKey) {
	if _, there := m.series.LoadAndDelete(key); there {
		m.count--
	}
	labels := prometheus.Labels{"tenant": key.tenant, "service": key.service}
	m.calls.DeletePartialMatch(labels)
	m.replies.DeletePartialMatch(labels)
	for _, v := range []interface {
		Delete(prometheus.Labels) bool
	}{m.queued, m.dirty, m.memory, m.seconds, m.cpuSeconds} {
		v.Delete(labels)
	}
}
