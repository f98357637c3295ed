package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway"
)

// client is an HTTP client that keeps n connections.
func client(t testing.TB, n int) *http.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: n}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func get(c *http.Client, url string) (int, string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return 0, "", fmt.Errorf("getting: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestKeepAlive(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(ok)}, anything, nil)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 10 {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if all := responses(t, c, 1); len(all) != 1 || all[0].StatusCode != 200 {
			t.Fatalf("responses %v", all)
		}
	}
	// A refused request without a body leaves the connection usable.
	for _, path := range []string{"/%00", "/"} {
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if all := responses(t, c, 1); len(all) != 1 {
			t.Fatal("the connection was closed")
		}
	}
}

func TestShutdownDrains(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	g := gateway.New(gateway.Config{Invoker: invoker(func(ctx context.Context, c *host.Call) (*host.Reply, error) {
		if c.Envelope.Get("path") == "/slow" {
			close(entered)
			select {
			case <-leave:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return &host.Reply{Body: []byte("done")}, nil
	})})
	if err := g.SetBindings(anything, nil); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- g.Serve(ln) }()

	idle, err := net.Dial("tcp", addr) // has had one answer
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	responses(t, idle, 1)
	fresh, err := net.Dial("tcp", addr) // has sent nothing
	if err != nil {
		t.Fatal(err)
	}
	slow := make(chan []*http.Response)
	go func() { slow <- raw(t, addr, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n", 1) }()
	<-entered

	ended := make(chan error, 1)
	go func() { ended <- g.Shutdown(context.Background()) }()
	for _, c := range []net.Conn{idle, fresh} { // closed although a call runs
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("a connection without a request: %v", err)
		}
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still accepting")
	}
	select {
	case err := <-ended:
		t.Fatalf("Shutdown returned %v while a call ran", err)
	default:
	}
	close(leave)
	resp := (<-slow)[0]
	if got := read(t, resp); resp.StatusCode != 200 || got != "done" || !resp.Close {
		t.Errorf("status %d, %q, close %v", resp.StatusCode, got, resp.Close)
	}
	if err := errors.Join(<-ended, <-served, g.Shutdown(context.Background())); err != nil {
		t.Error(err)
	}
}

func TestShutdownOutOfTimeCancels(t *testing.T) {
	entered, cancelled := make(chan struct{}), make(chan struct{})
	g := gateway.New(gateway.Config{Invoker: invoker(func(ctx context.Context, _ *host.Call) (*host.Reply, error) {
		close(entered)
		<-ctx.Done()
		close(cancelled)
		return nil, ctx.Err()
	})})
	if err := g.SetBindings(anything, nil); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(ln) }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := g.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	<-cancelled
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestClientWhoLeavesCancelsTheCall(t *testing.T) {
	entered, cancelled := make(chan struct{}), make(chan struct{})
	_, addr := start(t, gateway.Config{Invoker: invoker(func(ctx context.Context, _ *host.Call) (*host.Reply, error) {
		close(entered)
		select {
		case <-ctx.Done():
			close(cancelled)
		case <-time.After(10 * time.Second):
		}
		return nil, ctx.Err()
	})}, anything, nil)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	c.Close()
	select {
	case <-cancelled:
	case <-time.After(5 * time.Second):
		t.Error("the call was not cancelled")
	}
}

func TestRoutesChangeUnderLoad(t *testing.T) {
	g, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		if c.Service != "s" && c.Service != "other" || c.Envelope.Get("param.id")+c.Envelope.Get("param.key") != "7" {
			return nil, errors.New("a mixture of two tables")
		}
		return &host.Reply{Body: []byte(c.Service)}, nil
	})}, bind(host.Route{Path: "/x/{id}"}), nil)
	stop := make(chan struct{})
	var swaps atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			b := bind(host.Route{Path: "/x/{id}"}, host.Route{Path: fmt.Sprintf("/y/%d", i)})
			if i%2 == 0 {
				b = []gateway.Binding{{Tenant: "t", Service: "none", Route: host.Route{Path: "/z"}}, {Tenant: "t", Service: "other", Route: host.Route{Path: "/x/{key}"}}}
			}
			if err := g.SetBindings(b, nil); err != nil {
				t.Error(err)
			}
			swaps.Add(1)
		}
	})
	c := client(t, 8)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 200 {
				if status, body, err := get(c, "http://"+addr+"/x/7"); status != 200 || err != nil {
					t.Errorf("status %d, %q, %v", status, body, err)
					return
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	wg.Wait()
	t.Logf("%d swaps", swaps.Load())
}

// TestCallsOutliveTheirRequest keeps all calls and compares them after the
// connections that brought them have served many other requests.
func TestCallsOutliveTheirRequest(t *testing.T) {
	var mu sync.Mutex
	var kept []*host.Call
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		mu.Lock()
		kept = append(kept, c)
		mu.Unlock()
		return &host.Reply{Body: c.Body}, nil
	})}, bind(host.Route{Path: "/p/{id}/{rest...}"}), nil)
	c := client(t, 8)
	var wg sync.WaitGroup
	const clients, each = 8, 100
	for k := range clients {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", k, i)
				body := strings.Repeat(id+";", 1+i*20)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/p/"+id+"/a%20"+id+"/"+id+"?q="+id, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-Id", id)
				req.Header.Set("X-Request-Id", id)
				req.Host = "h" + id + ".example"
				resp, err := c.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != body {
					t.Errorf("%s: %d bytes came back, %v", id, len(got), err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, call := range kept {
		id := call.CID
		seen[id] = true
		for field, want := range map[string]string{
			"method": "POST", "path": "/p/" + id + "/a " + id + "/" + id, "raw-query": "q=" + id, "route": "/p/{id}/{rest...}",
			"host": "h" + id + ".example", "header.host": "h" + id + ".example", "header.x-id": id, "param.id": id,
			"param.rest": "a " + id + "/" + id, "query.q": id, "remote-addr": "127.0.0.1",
		} {
			if got := call.Envelope.Get(field); got != want {
				t.Errorf("%s: %s = %q, want %q", id, field, got, want)
			}
		}
		if !bytes.HasPrefix(call.Body, []byte(id+";")) || len(bytes.Trim(call.Body, id+";")) != 0 {
			t.Errorf("%s: body %.40q", id, call.Body)
		}
	}
	if len(seen) != clients*each {
		t.Errorf("%d different calls", len(seen))
	}
}
