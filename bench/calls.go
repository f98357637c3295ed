package main

import (
	"context"
	"encoding/json"
	"fmt"
)

// calls measures self.invoke between two Python services.
func (l *lab) calls(ctx context.Context) error {
	h, err := l.host(ctx, "calls")
	if err != nil {
		return err
	}
	defer h.stop()
	if err := h.cli(ctx, nil, "deploy", "bench/service/calls.py"); err != nil {
		return err
	}
	var p50, p99 []float64
	for range 4 * l.rounds {
		var raw []byte
		if err := h.cli(ctx, &raw, "invoke", "bench.caller"); err != nil {
			return err
		}
		var took struct{ P50, P99 float64 }
		if err := json.Unmarshal(raw, &took); err != nil {
			return fmt.Errorf("reading %q: %w", raw, err)
		}
		p50, p99 = append(p50, took.P50), append(p99, took.P99)
	}
	l.report.atMost("self.invoke between two Python services p50, µs", 150, median(p50))
	l.report.spread("self.invoke between two Python services p50", "µs", p50)
	l.report.spread("self.invoke between two Python services p99", "µs", p99)
	return nil
}
