package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// request is sent again and again on connections that are kept alive.
type request struct {
	addr, method, path, body string
	want                     func(reply []byte) error
}

func (r request) bytes() []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		r.method, r.path, r.addr, len(r.body), r.body)
}

// load is what a run of requests showed.
type load struct {
	PerSecond float64 `json:"per_second"`
	Requests  int     `json:"requests"`
	Errors    int     `json:"errors"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
}

// fire sends requests on concurrency connections for the time given. A reply
// that is not a 200 with the wanted body counts as an error. The client is
// as thin as can be, since it shares the machine with what it measures.
func fire(ctx context.Context, r request, concurrency int, d time.Duration) (load, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var (
		mu    sync.Mutex
		all   []float64
		out   load
		first error
		wg    sync.WaitGroup
	)
	started := time.Now()
	for range concurrency {
		wg.Go(func() {
			times, err := worker(ctx, r)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, times...)
			if err != nil {
				out.Errors++
				first = errors.Join(first, err)
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(started)
	if len(all) == 0 {
		return out, fmt.Errorf("no request was answered: %w", first)
	}
	slices.Sort(all)
	out.Requests = len(all)
	out.PerSecond = float64(len(all)) / elapsed.Seconds()
	out.P50, out.P99 = all[len(all)/2], all[len(all)*99/100]
	return out, first
}

// worker uses one connection until ctx ends and returns the milliseconds of
// its requests.
func worker(ctx context.Context, r request) ([]float64, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	if err := conn.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		return nil, err
	}
	in, message := bufio.NewReaderSize(conn, 16<<10), r.bytes()
	times := make([]float64, 0, 1<<14)
	var good, body []byte
	for ctx.Err() == nil {
		started := time.Now()
		if _, err := conn.Write(message); err != nil {
			return times, fmt.Errorf("sending a request: %w", err)
		}
		if body, err = reply(in, body); err != nil {
			return times, err
		}
		times = append(times, float64(time.Since(started).Microseconds())/1000)
		if good != nil && bytes.Equal(body, good) {
			continue
		}
		if err := r.want(body); err != nil {
			return times, err
		}
		good = slices.Clone(body)
	}
	return times, nil
}

// reply reads a reply of status 200 with a Content-Length into buf.
func reply(in *bufio.Reader, buf []byte) ([]byte, error) {
	length, status := -1, ""
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, fmt.Errorf("reading a reply: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if status == "" {
			status = string(line)
			continue
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, fmt.Errorf("reading a reply: %w", err)
			}
		}
	}
	if length < 0 || length > 1<<20 {
		return nil, fmt.Errorf("the reply %q has a Content-Length of %d", status, length)
	}
	buf = slices.Grow(buf[:0], length)[:length]
	if _, err := io.ReadFull(in, buf); err != nil {
		return nil, fmt.Errorf("reading a reply's body: %w", err)
	}
	if len(status) < 12 || status[9:12] != "200" {
		return nil, fmt.Errorf("the reply is %q: %.200s", status, buf)
	}
	return buf, nil
}
