package telemetry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/telemetry"
)

func TestConnections(t *testing.T) {
	m := telemetry.NewMetrics()
	stats := []host.ConnectionStats{{
		Tenant: "a", Name: "DB", Type: "sql", Open: true, Pings: 2, PingFailures: 1, Seconds: 1.5,
		ConnectionState: host.ConnectionState{State: host.ConnectionOpen, InFlight: 3, Opened: 4},
		Ops:             []host.OperationCount{{Op: "sql.query", Code: abi.OK, Count: 7}},
	}}
	stats[0].Durations[3], stats[0].Durations[len(host.DurationBounds)] = 6, 1
	m.SetConnections(func(fn func(host.ConnectionStats)) {
		for _, s := range stats {
			fn(s)
		}
	})
	got := text(t, m.Registry(), "serai_connector_")
	of := `{connection="DB",tenant="a",type="sql"`
	for _, want := range []string{
		`serai_connector_operations_total{code="ok",connection="DB",op="sql.query",tenant="a",type="sql"} 7`,
		"serai_connector_operation_seconds_bucket" + of + `,le="` + "0.001" + `"} 6`,
		"serai_connector_operation_seconds_count" + of + "} 7", "serai_connector_in_flight" + of + "} 3",
		"serai_connector_open" + of + "} 1", "serai_connector_resting" + of + "} 0", "serai_connector_opened_total" + of + "} 4",
		`serai_connector_pings_total{answered="no",connection="DB",tenant="a",type="sql"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if host.DurationBounds[3] != time.Millisecond {
		t.Error("the bucket of 1 ms is another one")
	}
	stats = nil
	if got := text(t, m.Registry(), "serai_connector_"); got != "" {
		t.Errorf("after it was deleted:\n%s", got)
	}
}
