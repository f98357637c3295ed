package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
)

// worked is what bench/service/work.py prints.
type worked struct {
	Version string `json:"version"`
	Work    map[string]struct {
		Seconds float64 `json:"seconds"`
		Result  string  `json:"result"`
	} `json:"work"`
}

// cpu measures CPU-bound Python against native CPython, from inside.
func (l *lab) cpu(ctx context.Context) error {
	const program = "bench/service/work.py"
	python := l.python
	if python == "" {
		var err error
		if python, err = exec.LookPath("python3.13"); err != nil {
			l.report.note("CPU-bound work is left out: name a native CPython with -python")
			return nil
		}
	}
	h, err := l.host(ctx, "cpu")
	if err != nil {
		return err
	}
	defer h.stop()
	if _, err := h.deploy(ctx, program, "--name", "bench.work", "--timeout", "10m"); err != nil {
		return err
	}
	times := map[string]*[2][]float64{} // of the guest, and native
	for round := range l.rounds {
		var guest, native worked
		if err := h.cli(ctx, &guest, "invoke", "bench.work"); err != nil {
			return err
		}
		out, err := run(ctx, "", nil, python, program)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(out, &native); err != nil {
			return fmt.Errorf("reading what %s prints: %w", python, err)
		}
		if round == 0 {
			l.report.note("native CPython %s, services' %s", native.Version, guest.Version)
		}
		for name, n := range native.Work {
			g := guest.Work[name]
			if g.Result != n.Result {
				return fmt.Errorf("%s gives %s in a service and %s natively", name, g.Result, n.Result)
			}
			if times[name] == nil {
				times[name] = new([2][]float64)
			}
			times[name][0] = append(times[name][0], g.Seconds)
			times[name][1] = append(times[name][1], n.Seconds)
		}
	}
	var ratios []float64
	for _, name := range slices.Sorted(maps.Keys(times)) {
		g, n := times[name][0], times[name][1]
		l.say("%-14s guest %6.1f ms, native %6.1f ms: %.2f", name, 1000*median(g), 1000*median(n), median(g)/median(n))
		ratios = append(ratios, median(g)/median(n))
	}
	l.report.cpu(times)
	l.report.atMost("CPU-bound Python against native CPython, time, geometric mean", 2, geometricMean(ratios))
	return nil
}
