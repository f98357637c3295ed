package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// waits measures many calls that wait for a slow system at once.
func (l *lab) waits(ctx context.Context) error {
	slow, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	})}
	go server.Serve(slow) //nolint:errcheck // it ends with the measure
	defer server.Close()  //nolint:errcheck // as above

	h, err := l.host(ctx, "wait")
	if err != nil {
		return err
	}
	defer h.stop()
	if err := h.cli(ctx, nil, "connection", "set", "Slow", "--config", `{"base_url": "http://`+slow.Addr().String()+`/"}`, "--allow-network", "127.0.0.0/8"); err != nil {
		return err
	}
	if _, err := h.deploy(ctx, "bench/service/wait.py", "--name", "bench.wait", "--route", "POST /bench/wait", "--grant", "connection:Slow"); err != nil {
		return err
	}
	var all, threads []float64
	for round := range l.rounds {
		took, most, err := l.crowd(ctx, h)
		if err != nil {
			return err
		}
		l.say("round %d: %d calls in %.2f s with %d threads", round+1, l.waiting, took.Seconds(), most)
		all, threads = append(all, took.Seconds()), append(threads, float64(most))
	}
	m, err := memoryOf(h.pid())
	if err != nil {
		return err
	}
	l.report.spread(fmt.Sprintf("%d calls at once that each wait 1 s, all answered after", l.waiting), "s", all)
	l.report.atMost("threads of the host meanwhile", 100, median(threads))
	l.report.memory("host after that", m)
	return nil
}

// crowd opens all connections, sends a request on each, and returns how long
// it takes until all are answered and how many threads the host had.
func (l *lab) crowd(ctx context.Context, h *seraiHost) (time.Duration, int, error) {
	conns := make([]net.Conn, l.waiting)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	for i := range conns {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", h.gateway)
		if err != nil {
			return 0, 0, fmt.Errorf("connecting: %w", err)
		}
		conns[i] = c
	}
	var done atomic.Bool
	var most int
	var watch sync.WaitGroup
	watch.Go(func() {
		for !done.Load() {
			if n, err := threadsOf(h.pid()); err == nil {
				most = max(most, n)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	message := request{addr: h.gateway, method: "POST", path: "/bench/wait", body: "{}"}.bytes()
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	started := time.Now()
	for _, c := range conns {
		wg.Go(func() {
			if err := ask(c, message); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if failed == nil {
					failed = err
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(started)
	done.Store(true)
	watch.Wait()
	return took, most, failed
}

func ask(c net.Conn, message []byte) error {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := c.Write(message); err != nil {
		return fmt.Errorf("sending a request: %w", err)
	}
	body, err := reply(bufio.NewReaderSize(c, 512), nil)
	if err != nil {
		return err
	}
	if string(body) != `{"status": 200}` && string(body) != `{"status":200}` {
		return errors.New("the service answered " + string(body))
	}
	return nil
}
