package main

import (
	"context"
	"fmt"
	"time"
)

// idle measures the start of a host with many services and what they weigh.
func (l *lab) idle(ctx context.Context) error {
	h, err := l.host(ctx, "idle")
	if err != nil {
		return err
	}
	defer func() { h.stop() }()
	empty, err := settled(h)
	if err != nil {
		return err
	}
	started := time.Now()
	for n := range l.services {
		path, err := l.small(n)
		if err != nil {
			return err
		}
		if _, err := h.deploy(ctx, path, "--name", fmt.Sprintf("small.%d", n), "--route", fmt.Sprintf("GET /small/%d", n)); err != nil {
			return err
		}
	}
	l.report.number(fmt.Sprintf("deploying %d services one after the other, command line included", l.services), "s", time.Since(started).Seconds())

	var ready []float64
	for range min(l.rounds, 3) {
		h.stop()
		if h, err = startHost(l.program, h.data); err != nil {
			return err
		}
		ready = append(ready, h.ready.Seconds()*1000)
	}
	l.report.spread(fmt.Sprintf("start of a host with %d services to ready", l.services), "ms", ready)
	full, err := settled(h)
	if err != nil {
		return err
	}
	l.report.memory("host without services", empty)
	l.report.memory(fmt.Sprintf("host with %d services, none called yet", l.services), full)

	var first []float64
	for n := range l.services {
		took, err := once(ctx, h.gateway, fmt.Sprintf("/small/%d", n))
		if err != nil {
			return err
		}
		first = append(first, took)
	}
	l.report.spread("first call of a service that has not been called since the start", "ms", first)
	called, err := settled(h)
	if err != nil {
		return err
	}
	l.report.memory(fmt.Sprintf("host with %d services, each called just now", l.services), called)
	time.Sleep(45 * time.Second) // idle instances are closed after 30 s
	rested, err := memoryOf(h.pid())
	if err != nil {
		return err
	}
	l.report.memory("the same, 45 s later", rested)
	per := func(m memory) float64 { return float64(m.PSS-empty.PSS) / float64(l.services) / 1024 }
	l.report.number("an idle service that was not called since the start, PSS", "KiB", per(full))
	l.report.number("a service that was called just now, PSS", "KiB", per(called))
	l.report.number("an idle service that was called 45 s ago, PSS", "KiB", per(rested))
	threads, err := threadsOf(h.pid())
	l.report.number("threads of the host then", "", float64(threads))
	return err
}

// settled waits until a host does nothing and returns its memory.
func settled(h *seraiHost) (memory, error) {
	time.Sleep(5 * time.Second)
	return memoryOf(h.pid())
}
