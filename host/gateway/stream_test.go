package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway"
)

// streaming hands bodies over as they arrive from 1,000 bytes on.
const streaming = 1000

// TestStreamedBodies has services read bodies as they arrive, whole, in part
// and not at all, with another request behind each.
func TestStreamedBodies(t *testing.T) {
	type seen struct {
		length int64
		body   string
		err    error
	}
	calls := make(chan seen, 10)
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		most := int64(1 << 30)
		if text := c.Envelope.Get("header.most"); text != "" {
			_, _ = fmt.Sscan(text, &most)
		}
		s := seen{length: int64(len(c.Body)), body: string(c.Body)}
		if c.Stream != nil {
			b, err := io.ReadAll(io.LimitReader(c.Stream, most))
			s = seen{c.Length, string(b), err}
		}
		calls <- s
		return &host.Reply{Body: fmt.Append(nil, len(s.body))}, nil
	}), InlineBodyBytes: streaming}, anything, nil)
	for _, n := range []int{1, 999, 1000, 1001, 8191, 8192, 8193, 70000, 3 << 20} {
		body := strings.Repeat("abcdefghijklmnopqrstuvwxyz", n/26+1)[:n]
		for _, method := range []string{"POST", "GET"} {
			for name, framed := range map[string]string{
				"length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", n, body),
				"expect": fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", n, body),
				"chunks": "Transfer-Encoding: chunked\r\n\r\n" + chunks([]byte(body), 5000) + "0\r\nX-Trailer: y\r\n\r\n",
			} {
				what := fmt.Sprintf("%s of %d bytes, %s", method, n, name)
				want := 2
				if name == "expect" {
					want = 4
				}
				if all := raw(t, addr, strings.Repeat(method+" / HTTP/1.1\r\nHost: h\r\n"+framed, 2), want); len(all) != want || all[want-1].StatusCode != 200 {
					t.Fatalf("%s: %d responses", what, len(all))
				}
				for range 2 {
					s := <-calls
					if want := int64(n); s.length != want && (name != "chunks" || n <= streaming || s.length != -1) {
						t.Errorf("%s: length %d", what, s.length)
					}
					if s.body != body || s.err != nil {
						t.Errorf("%s: %d bytes, %v", what, len(s.body), s.err)
					}
				}
				// One that is not read to its end is the connection's last.
				part := raw(t, addr, method+" / HTTP/1.1\r\nHost: h\r\nMost: 500\r\n"+framed+"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 4)
				<-calls
				if n <= streaming {
					<-calls
					continue
				}
				last := part[len(part)-1]
				if read(t, last) != "500" || !last.Close {
					t.Errorf("%s, in part: closed %v", what, last.Close)
				}
				if len(calls) != 0 {
					t.Fatalf("%s: a body was taken for a request: %+v", what, <-calls)
				}
			}
		}
	}
}

// TestStreamedBodyEnds has clients break off, stall and send garbage or too
// much in bodies that are read as they arrive.
func TestStreamedBodyEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		request string
		hangUp  bool
		code    abi.Code
		status  int // of the response, 0 if nobody is left to read it
	}{
		"breaks off":           {"Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 50000), true, abi.Cancelled, 0},
		"breaks off in chunks": {"Transfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat("x", 5000), true, abi.Cancelled, 0},
		"breaks off between":   {"Transfer-Encoding: chunked\r\n\r\n1388\r\n" + strings.Repeat("x", 5000) + "\r\n", true, abi.Cancelled, 0},
		"stalls":               {"Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 50000), false, abi.Timeout, 408},
		"sends garbage":        {"Transfer-Encoding: chunked\r\n\r\n1388\r\n" + strings.Repeat("x", 5000) + "\r\nzz\r\n", false, abi.Invalid, 400},
		"sends too much":       {"Transfer-Encoding: chunked\r\n\r\n30d40\r\n" + strings.Repeat("x", 200000) + "\r\n0\r\n\r\n", false, abi.TooLarge, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := make(chan error, 1)
			_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
				_, err := io.Copy(io.Discard, c.Stream)
				failed <- err
				return nil, &host.Error{Code: abi.Failed, Err: err}
			}), InlineBodyBytes: streaming, MaxBodyBytes: 150000, BodyTimeout: 200 * time.Millisecond}, anything, nil)
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\n"+tt.request); err != nil {
				t.Fatal(err)
			}
			if tt.hangUp {
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case err := <-failed:
				if host.CodeOf(err) != tt.code {
					t.Errorf("the service got %v, want %s", err, tt.code)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the service still reads")
			}
			if tt.status != 0 {
				all := responses(t, c, 2)
				if len(all) != 1 {
					t.Fatalf("%d responses", len(all))
				}
				wantProblem(t, all[0], tt.status)
			}
		})
	}
}

// TestStreamedBodyIsInterrupted ends a read that waits for the client.
func TestStreamedBodyIsInterrupted(t *testing.T) {
	t.Parallel()
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		time.AfterFunc(20*time.Millisecond, func() { _ = c.Stream.Close() })
		if n, err := io.Copy(io.Discard, c.Stream); err == nil || host.CodeOf(err) == abi.Timeout {
			t.Errorf("%d bytes, %v", n, err)
		}
		if n, err := c.Stream.Read(make([]byte, 10)); n > 0 || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("after Close: %d bytes, %v", n, err)
		}
		return nil, host.Errorf(abi.Timeout, "it took too long")
	}), InlineBodyBytes: streaming}, anything, nil)
	begun := time.Now()
	all := raw(t, addr, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 50000), 1)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	wantProblem(t, all[0], 504)
}

// TestStreamsTakeLittleMemory counts a large body by what is held of it.
func TestStreamsTakeLittleMemory(t *testing.T) {
	t.Parallel()
	var g *gateway.Gateway
	g, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		if held := metric(t, g, "serai_gateway_body_bytes"); held > streaming {
			t.Errorf("%v bytes are held", held)
		}
		_, err := io.Copy(io.Discard, c.Stream)
		return &host.Reply{}, err
	}), InlineBodyBytes: streaming, MaxBodyMemory: 2 * streaming}, anything, nil)
	body := strings.Repeat("x", 1<<20)
	for _, framed := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
		"Transfer-Encoding: chunked\r\n\r\n" + chunks([]byte(body), 5000) + "0\r\n\r\n",
	} {
		if all := raw(t, addr, "POST / HTTP/1.1\r\nHost: h\r\n"+framed, 1); all[0].StatusCode != 200 {
			t.Errorf("status %d: %s", all[0].StatusCode, read(t, all[0]))
		}
	}
	if held := metric(t, g, "serai_gateway_body_bytes"); held != 0 {
		t.Errorf("%v bytes are held", held)
	}
}
