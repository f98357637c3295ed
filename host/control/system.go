package control

import (
	_ "embed" // openapi.json

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

//go:embed openapi.json
var description []byte

// Description returns the OpenAPI document of the API.
func Description() []byte { return append([]byte(nil), description...) }

type status struct {
	Status string `json:"status"`
}

// health says that the process answers.
func (s *Server) health(c *fiber.Ctx) error { return c.JSON(status{"ok"}) }

// ready says whether the host serves calls.
func (s *Server) ready(c *fiber.Ctx) error {
	if s.open.Err() != nil {
		return errDraining()
	}
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(c.UserContext()); err != nil {
			return unready(err)
		}
	}
	return c.JSON(status{"ready"})
}

func (s *Server) version(c *fiber.Ctx) error { return c.JSON(s.cfg.About) }

func (s *Server) openapi(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(description)
}

// metrics answers in Prometheus' text format: everything for the operator,
// the series with its own name in the label "tenant" for a tenant.
func (s *Server) metrics(c *fiber.Ctx) error {
	g := s.cfg.Metrics
	if g == nil {
		g = prometheus.Gatherers{}
	}
	if p := who(c); !p.operator {
		g = ownMetrics{g, p.tenant}
	}
	return adaptor.HTTPHandler(promhttp.HandlerFor(g, promhttp.HandlerOpts{}))(c)
}

// ownMetrics gathers what carries the label of one tenant.
type ownMetrics struct {
	all    prometheus.Gatherer
	tenant string
}

func (o ownMetrics) Gather() ([]*dto.MetricFamily, error) {
	families, err := o.all.Gather()
	out := make([]*dto.MetricFamily, 0, len(families))
	for _, f := range families {
		own := &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit}
		for _, m := range f.GetMetric() {
			if o.owns(m) {
				own.Metric = append(own.Metric, m)
			}
		}
		if len(own.Metric) > 0 {
			out = append(out, own)
		}
	}
	return out, err //nolint:wrapcheck // the gatherer's own error is for the operator's log
}

func (o ownMetrics) owns(m *dto.Metric) bool {
	for _, l := range m.GetLabel() {
		if l.GetName() == "tenant" {
			return l.GetValue() == o.tenant
		}
	}
	return false
}
