package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seraihost/serai/abi"
)

// channels are the values of the label channel; any other becomes "other".
var channels = [...]string{abi.ChannelHTTP, abi.ChannelInvoke, abi.ChannelAsync, abi.ChannelControl, abi.ChannelAMQP, abi.ChannelSQL, abi.ChannelRedis, "other"}

// codes is the number of codes that have a counter of their own.
const codes = int(abi.Internal) + 1

// series holds the counters of one service, so that counting a call looks
// labels up only once.
type series struct {
	key                 seriesKey
	queued, dirty       prometheus.Counter
	memory              prometheus.Gauge
	seconds, cpuSeconds prometheus.Observer
	calls               [len(channels)][codes]atomic.Pointer[prometheus.Counter]
	replies             [6]atomic.Pointer[prometheus.Counter]
}

// of returns the series of a service and makes them at its first call.
func (m *Metrics) of(tenant, service string) *series {
	key := seriesKey{tenant, service}
	if s, ok := m.load(key); ok {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count >= MaxMeteredServices {
		key = seriesKey{OtherTenant, OtherService}
	}
	if s, ok := m.load(key); ok {
		return s
	}
	s := &series{
		key:        key,
		queued:     m.queued.WithLabelValues(key.tenant, key.service),
		dirty:      m.dirty.WithLabelValues(key.tenant, key.service),
		memory:     m.memory.WithLabelValues(key.tenant, key.service),
		seconds:    m.seconds.WithLabelValues(key.tenant, key.service),
		cpuSeconds: m.cpuSeconds.WithLabelValues(key.tenant, key.service),
	}
	m.series.Store(key, s)
	m.count++
	return s
}

func (m *Metrics) load(key seriesKey) (*series, bool) {
	v, ok := m.series.Load(key)
	if !ok {
		return nil, false
	}
	s, ok := v.(*series)
	return s, ok
}

func (s *series) call(m *Metrics, channel string, code abi.Code) prometheus.Counter {
	i := len(channels) - 1
	for j, c := range channels {
		if c == channel {
			i = j
			break
		}
	}
	if !code.Valid() {
		code = abi.Internal
	}
	return cached(&s.calls[i][code], m.calls, s.key, channels[i], code.String())
}

var classes = [...]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (s *series) reply(m *Metrics, class int) prometheus.Counter {
	return cached(&s.replies[class], m.replies, s.key, classes[class])
}

func cached(at *atomic.Pointer[prometheus.Counter], vec *prometheus.CounterVec, key seriesKey, labels ...string) prometheus.Counter {
	if c := at.Load(); c != nil {
		return *c
	}
	c := vec.WithLabelValues(append([]string{key.tenant, key.service}, labels...)...)
	at.Store(&c)
	return c
}
