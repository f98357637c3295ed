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
	for i, d := range []struct{ name, path, isolation string }{
		{"Python, pristine", "bench/service/order.py", "pristine"},
		{"Python, warm", "bench/service/order.py", "warm"},
		{"Go guest, pristine", l.guest, "pristine"},
		{"Go guest, warm", l.guest, "warm"},
	} {
		route := "/bench/" + strconv.Itoa(i)
		if _, err := h.deploy(ctx, d.path, "--name", "bench."+strconv.Itoa(i), "--route", route, "--isolation", d.isolation); err != nil {
			return err
		}
		all = append(all, &contender{name: d.name, request: pricing(h.gateway, route)})
		if d.path == l.guest {
			all = append(all, &contender{name: d.name + ", greets", request: greeting(h.gateway, route)})
		}
	}
	gunicorn, addr, err := l.gunicorn(ctx, "order:app", 2)
	if err != nil {
		return err
	}
	defer gunicorn.stop()
	if gunicorn != nil {
		all = append(all, &contender{name: "gunicorn + falcon", request: pricing(addr, "/bench/price")})
	}
	fiber, addr, err := l.fiber(ctx)
	if err != nil {
		return err
	}
	defer fiber.stop()
	all = append(all,
		&contender{name: "Fiber, same work", request: pricing(addr, "/bench/price")},
		&contender{name: "Fiber, bare route", request: greeting(addr, "/bench/bare")})
	return l.takeTurns(ctx, all, []comparison{
		{"pristine Python against gunicorn + falcon", "Python, pristine", "gunicorn + falcon", 1.5},
		{"warm Python against gunicorn + falcon", "Python, warm", "gunicorn + falcon", 0},
		{"pristine Go guest against a bare Fiber route, both greet", "Go guest, pristine, greets", "Fiber, bare route", 0.4},
		{"warm Go guest against a bare Fiber route, both greet", "Go guest, warm, greets", "Fiber, bare route", 0},
		{"pristine Go guest against the same work in Fiber", "Go guest, pristine", "Fiber, same work", 0},
		{"warm Go guest against the same work in Fiber", "Go guest, warm", "Fiber, same work", 0},
	})
}

// pricing is a request for the price of an order.
func pricing(addr, path string) request {
	return request{addr: addr, method: "POST", path: path, body: orderBody, want: checkOrder}
}

// greeting is a request for a greeting.
func greeting(addr, path string) request {
	return request{addr: addr, method: "GET", path: path, want: func(body []byte) error {
		if string(body) != `{"hello":"world"}` {
			return fmt.Errorf("the reply is not the expected one: %.300s", body)
		}
		return nil
	}}
}

// comparison compares two contenders by name; a goal of 0 is none.
type comparison struct {
	name, a, b string
	goal       float64
}

func (l *lab) takeTurns(ctx context.Context, all []*contender, ratios []comparison) error {
	for _, c := range all { // the first second is for caches and pools
		if _, err := fire(ctx, c.request, l.concurrency, time.Second); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for round := range l.rounds {
		for _, c := range all {
			out, err := fire(ctx, c.request, l.concurrency, l.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.runs = append(c.runs, out)
			l.say("round %d: %-26s %8.0f requests/s, p50 %.2f ms, p99 %.2f ms", round+1, c.name, out.PerSecond, out.P50, out.P99)
		}
	}
	l.report.http(all)
	for _, r := range ratios {
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

// gunicorn starts a peer of Python services, nil if it is not installed.
func (l *lab) gunicorn(ctx context.Context, app string, workers int, env ...string) (*process, string, error) {
	name := "/usr/bin/gunicorn"
	if _, err := os.Stat(name); err != nil {
		if name, err = exec.LookPath("gunicorn"); err != nil {
			l.report.note("gunicorn is not installed: apt-get install gunicorn python3-gevent python3-falcon python3-requests")
			return nil, "", nil
		}
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, "", err
	}
	p, err := start(filepath.Join(l.dir, "gunicorn.log"), nil, env, name, "--chdir", "bench/peer",
		"--workers", strconv.Itoa(workers), "--worker-class", "gevent", "--bind", addr, "--log-level", "error", app)
	if err != nil {
		return nil, "", err
	}
	if err := listening(ctx, addr); err != nil {
		p.stop()
		return nil, "", err
	}
	if out, err := exec.CommandContext(ctx, name, "--version").Output(); err == nil {
		l.report.note("peer: %s, %d gevent workers for %s, CPython of the system", string(out[:len(out)-1]), workers, app)
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
