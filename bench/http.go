package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// orderBody is what the HTTP benchmark sends, and orderReply what comes back.
const orderBody = `{"user_name": "my.user", "country": "PL", "items": [` +
	`{"sku": "C-3", "price": 1250, "count": 2}, {"sku": "A-1", "price": 990, "count": 10}, {"sku": "B-2", "price": 105, "count": 7}]}`

var orderReply = map[string]any{
	"user_name": "my.user", "lines": 3.0, "net": 13135.0, "tax": 3021.0, "gross": 16156.0, "skus": []any{"A-1", "B-2", "C-3"},
}

func checkOrder(body []byte) error {
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil || !maps.EqualFunc(got, orderReply, reflect.DeepEqual) {
		return fmt.Errorf("the reply is not the expected one: %.300s", body)
	}
	return nil
}

// contender is one of those who take turns.
type contender struct {
	name    string
	request request
	runs    []load
}

// http measures requests per second of the same work.
func (l *lab) http(ctx context.Context) error {
	h, err := l.host(ctx, "http")
	if err != nil {
		return err
	}
	defer h.stop()
	var all []*contender
	for _, d := range []struct{ name, path, isolation string }{
		{"Python, pristine", "bench/service/order.py", "pristine"},
		{"Python, warm", "bench/service/order.py", "warm"},
		{"Go guest, pristine", l.guest, "pristine"},
		{"Go guest, warm", l.guest, "warm"},
	} {
		route := "/bench/" + strconv.Itoa(len(all))
		if _, err := h.deploy(ctx, d.path, "--name", "bench."+strconv.Itoa(len(all)), "--route", "POST "+route, "--isolation", d.isolation); err != nil {
			return err
		}
		all = append(all, &contender{name: d.name, request: request{h.gateway, "POST", route, orderBody}})
	}
	gunicorn, addr, err := l.gunicorn(ctx)
	if err != nil {
		return err
	}
	defer gunicorn.stop()
	if gunicorn != nil {
		all = append(all, &contender{name: "gunicorn + falcon", request: request{addr, "POST", "/bench/price", orderBody}})
	}
	fiber, addr, err := l.fiber(ctx)
	if err != nil {
		return err
	}
	defer fiber.stop()
	all = append(all,
		&contender{name: "Fiber, same work", request: request{addr, "POST", "/bench/price", orderBody}},
		&contender{name: "Fiber, bare route", request: request{addr, "POST", "/bench/bare", orderBody}})
	return l.takeTurns(ctx, all)
}

func (l *lab) takeTurns(ctx context.Context, all []*contender) error {
	for _, c := range all { // the first second is for caches and pools
		if _, err := fire(ctx, c.request, l.concurrency, time.Second, checkOrder); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for round := range l.rounds {
		for _, c := range all {
			out, err := fire(ctx, c.request, l.concurrency, l.duration, checkOrder)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.runs = append(c.runs, out)
			l.say("round %d: %-20s %8.0f requests/s, p50 %.2f ms, p99 %.2f ms", round+1, c.name, out.PerSecond, out.P50, out.P99)
		}
	}
	l.report.http(all)
	for _, r := range []struct {
		name, a, b string
		goal       float64
	}{
		{"pristine Python against gunicorn + falcon", "Python, pristine", "gunicorn + falcon", 1.5},
		{"warm Python against gunicorn + falcon", "Python, warm", "gunicorn + falcon", 0},
		{"pristine Go guest against a bare Fiber route", "Go guest, pristine", "Fiber, bare route", 0.4},
		{"pristine Go guest against the same work in Fiber", "Go guest, pristine", "Fiber, same work", 0},
		{"warm Go guest against a bare Fiber route", "Go guest, warm", "Fiber, bare route", 0},
	} {
		l.report.ratio(r.name, r.goal, rounds(all, r.a), rounds(all, r.b))
	}
	return nil
}

// rounds returns the requests per second of a contender.
func rounds(all []*contender, name string) (out []float64) {
	i := slices.IndexFunc(all, func(c *contender) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	for _, r := range all[i].runs {
		out = append(out, r.PerSecond)
	}
	return out
}

// gunicorn starts the peer of Python services, nil if it is not installed.
func (l *lab) gunicorn(ctx context.Context) (*process, string, error) {
	name := "/usr/bin/gunicorn"
	if _, err := os.Stat(name); err != nil {
		if name, err = exec.LookPath("gunicorn"); err != nil {
			l.report.note("gunicorn is not installed: apt-get install gunicorn python3-gevent python3-falcon")
			return nil, "", nil
		}
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, "", err
	}
	p, err := start(filepath.Join(l.dir, "gunicorn.log"), nil, nil, name, "--chdir", "bench/peer",
		"--workers", "2", "--worker-class", "gevent", "--bind", addr, "--log-level", "error", "order:app")
	if err != nil {
		return nil, "", err
	}
	if err := listening(ctx, addr); err != nil {
		p.stop()
		return nil, "", err
	}
	if out, err := exec.CommandContext(ctx, name, "--version").Output(); err == nil {
		l.report.note("peer: %s, 2 gevent workers, falcon, CPython of the system", string(out[:len(out)-1]))
	}
	return p, addr, nil
}

// fiber starts the peer of Go guests: this program again.
func (l *lab) fiber(ctx context.Context) (*process, string, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("finding this program: %w", err)
	}
	p, err := start(filepath.Join(l.dir, "fiber.log"), nil, nil, self, "fiber", addr)
	if err != nil {
		return nil, "", err
	}
	if err := listening(ctx, addr); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, addr, nil
}
