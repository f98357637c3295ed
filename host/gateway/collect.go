package gateway

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

var _ prometheus.Collector = (*Gateway)(nil)

var (
	refusedDesc = prometheus.NewDesc("serai_gateway_problems_total",
		"Requests that the gateway answered with a problem document, by HTTP status.", []string{"status"}, nil)
	connsDesc  = prometheus.NewDesc("serai_gateway_connections", "Connections of clients that are open now.", nil, nil)
	brokenDesc = prometheus.NewDesc("serai_gateway_replies_broken_total",
		"Replies that had begun to stream and were not sent to their end.", nil, nil)
	bodyDesc = prometheus.NewDesc("serai_gateway_body_bytes", "Request bodies in memory now.", nil, nil)
)

// Describe implements prometheus.Collector.
func (g *Gateway) Describe(ch chan<- *prometheus.Desc) {
	ch <- refusedDesc
	ch <- connsDesc
	ch <- bodyDesc
	ch <- brokenDesc
}

// Collect implements prometheus.Collector. It tells what belongs to no
// service; the calls themselves are counted where they are dispatched.
func (g *Gateway) Collect(ch chan<- prometheus.Metric) {
	for i := range g.problems {
		if n := g.problems[i].Load(); n > 0 {
			ch <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(n), strconv.Itoa(i+http.StatusBadRequest))
		}
	}
	g.mu.Lock()
	open := 0
	for _, l := range g.listeners {
		open += l.count()
	}
	g.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(connsDesc, prometheus.GaugeValue, float64(open))
	ch <- prometheus.MustNewConstMetric(brokenDesc, prometheus.CounterValue, float64(g.broken.Load()))
	ch <- prometheus.MustNewConstMetric(bodyDesc, prometheus.GaugeValue, float64(g.bodies.Load()))
}
