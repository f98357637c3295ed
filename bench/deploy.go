package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// small writes a service of its own content and returns its path.
func (l *lab) small(n int) (string, error) {
	b, err := os.ReadFile("bench/service/small.py")
	if err != nil {
		return "", fmt.Errorf("reading the smallest service: %w", err)
	}
	path := filepath.Join(l.dir, fmt.Sprintf("small%d.py", n))
	return path, os.WriteFile(path, fmt.Appendf(b, "\nNUMBER = %d\n", n), 0o600)
}

// deploys measures how long a Python service takes from the upload to live,
// the first call after that, and the first call after a start of the host.
func (l *lab) deploys(ctx context.Context) error {
	h, err := l.host(ctx, "deploy")
	if err != nil {
		return err
	}
	defer func() { h.stop() }()
	var live, first, later []float64
	for n := range 4 * l.rounds {
		path, err := l.small(n)
		if err != nil {
			return err
		}
		route := fmt.Sprintf("/small/%d", n)
		r, err := h.deploy(ctx, path, "--name", fmt.Sprintf("small.%d", n), "--route", "GET "+route)
		if err != nil {
			return err
		}
		live = append(live, r.DeployMS)
		for i := range 2 {
			took, err := once(ctx, h.gateway, route)
			if err != nil {
				return err
			}
			if i == 0 {
				first = append(first, took)
			} else {
				later = append(later, took)
			}
		}
		if n == 0 {
			l.report.number("image of a small Python service, bytes of its own", "KiB", float64(r.OwnBytes)/1024)
		}
	}
	l.report.atMost("deploy of a Python service to live, ms", 100, median(live))
	l.report.spread("deploy of a Python service to live", "ms", live)
	l.report.spread("first call after the deploy, connection included", "ms", first)
	l.report.spread("second call, connection included", "ms", later)

	var ready, started []float64
	for range l.rounds {
		h.stop()
		if h, err = startHost(l.program, h.data); err != nil {
			return err
		}
		took, err := once(ctx, h.gateway, "/small/0")
		if err != nil {
			return err
		}
		ready, started = append(ready, h.ready.Seconds()*1000), append(started, took)
	}
	l.report.spread("later start of a host to ready", "ms", ready)
	l.report.spread("first Python call after a start of the host", "ms", started)
	return nil
}

// once calls a small service on a new connection and returns milliseconds.
func once(ctx context.Context, addr, path string) (float64, error) {
	started := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	if _, err := conn.Write(request{addr: addr, method: "GET", path: path}.bytes()); err != nil {
		return 0, fmt.Errorf("sending a request: %w", err)
	}
	body, err := reply(bufio.NewReader(conn), nil)
	if err == nil && string(body) != `{"ok": true}` && string(body) != `{"ok":true}` {
		err = fmt.Errorf("the service answered %s", body)
	}
	return float64(time.Since(started).Microseconds()) / 1000, err
}
