package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seraihost/serai/host"
)

// MaxMeteredChannels bounds the channels that have time series.
const MaxMeteredChannels = 10_000

// ChannelCollector tells how the channels do that receive messages from other
// systems. It calls a function for all of them at every scrape.
type ChannelCollector func(each func(tenant, name string, s host.ChannelState))

var _ prometheus.Collector = ChannelCollector(nil)

var (
	receivingDesc = prometheus.NewDesc("serai_channel_receiving",
		"Whether a channel receives messages.", []string{"tenant", "channel"}, nil)
	channelInFlightDesc = prometheus.NewDesc("serai_channel_in_flight",
		"Messages that a channel has and has not settled.", []string{"tenant", "channel"}, nil)
	channelOpenedDesc = prometheus.NewDesc("serai_channel_opened_total",
		"How often a channel has connected to its system.", []string{"tenant", "channel"}, nil)
	channelMessagesDesc = prometheus.NewDesc("serai_channel_messages_total",
		"Messages of a channel: done, failed (attempts), parked, dropped.", []string{"tenant", "channel", "outcome"}, nil)
)

// Describe implements prometheus.Collector.
func (c ChannelCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- receivingDesc
	ch <- channelInFlightDesc
	ch <- channelOpenedDesc
	ch <- channelMessagesDesc
}

// Collect implements prometheus.Collector.
func (c ChannelCollector) Collect(ch chan<- prometheus.Metric) {
	n := 0
	c(func(tenant, name string, s host.ChannelState) {
		if n++; n > MaxMeteredChannels {
			return
		}
		receiving := 0.0
		if s.Receiving {
			receiving = 1
		}
		ch <- prometheus.MustNewConstMetric(receivingDesc, prometheus.GaugeValue, receiving, tenant, name)
		ch <- prometheus.MustNewConstMetric(channelInFlightDesc, prometheus.GaugeValue, float64(s.InFlight), tenant, name)
		ch <- prometheus.MustNewConstMetric(channelOpenedDesc, prometheus.CounterValue, float64(s.Opened), tenant, name)
		for outcome, n := range map[string]uint64{"done": s.Done, "failed": s.Failed, "parked": s.Parked, "dropped": s.Dropped} {
			ch <- prometheus.MustNewConstMetric(channelMessagesDesc, prometheus.CounterValue, float64(n), tenant, name, outcome)
		}
	})
}
