// Package hosttest runs a whole host in the test's process, on free ports and
// with a temporary store, for tests that use it as clients do.
package hosttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/server"
)

// patience bounds how long a host may take to start.
const patience = 2 * time.Minute

// Host is a running host.
type Host struct {
	URL      string         // of the gateway, "http://127.0.0.1:…"
	Control  string         // of the control API
	Token    string         // of the operator
	Operator *client.Client // acts with Token

	t    testing.TB
	dir  string
	stop context.CancelFunc
	done chan error
}

// Start starts a host and stops it when the test ends. change, which may be
// nil, edits the configuration; the default has a temporary data directory.
func Start(t testing.TB, change func(*server.Config)) *Host {
	t.Helper()
	c := server.Config{
		DataDir: t.TempDir(), GatewayAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0",
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if change != nil {
		change(&c)
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &Host{t: t, dir: c.DataDir, stop: stop, done: make(chan error, 1)}
	s := server.New(c)
	go func() { h.done <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-h.done:
		stop()
		t.Fatalf("the host did not start: %v", err)
	case <-time.After(patience):
		stop()
		t.Fatal("the host did not become ready")
	}
	t.Cleanup(h.Stop)
	h.URL, h.Control, h.Token = "http://"+s.GatewayAddr(), "http://"+s.ControlAddr(), s.OperatorToken()
	h.Operator = h.Client(h.Token)
	return h
}

// Stop drains and stops the host. Stopping twice is fine.
func (h *Host) Stop() {
	h.stop()
	if h.done == nil {
		return
	}
	if err := <-h.done; err != nil && !errors.Is(err, context.Canceled) {
		h.t.Errorf("the host ended with: %v", err)
	}
	h.done = nil
}

// Client returns a client of the control API with the token.
func (h *Host) Client(token string) *client.Client {
	h.t.Helper()
	c, err := client.New(client.Config{URL: h.Control, Token: token})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	return c
}

// Python is an upload of one source file.
func Python(source string) client.Upload {
	return client.Upload{FileName: "service.py", ContentType: host.TypePython, Content: []byte(source)}
}

// Module is an upload of a WebAssembly module.
func Module(code []byte) client.Upload {
	return client.Upload{FileName: "module.wasm", ContentType: host.TypeWASM, Content: code}
}

// Routes are settings with one route, "METHOD /path".
func Routes(route string) client.Settings {
	method, path, _ := strings.Cut(route, " ")
	return client.Settings{Routes: []host.Route{{Method: method, Path: path}}}
}

// Deploy deploys to the default tenant; the test ends if it is refused.
func (h *Host) Deploy(name string, up client.Upload, s client.Settings) *host.Receipt {
	h.t.Helper()
	r, err := h.Operator.Deploy(h.t.Context(), host.DefaultTenant, name, up, s)
	if err != nil {
		h.t.Fatalf("deploying %s: %v", name, Explain(err))
	}
	return r
}

// Explain returns an error of the control API with the guest's traceback.
func Explain(err error) string {
	var e *client.Error
	if errors.As(err, &e) && e.Failure != nil {
		return e.Error() + "\n" + e.Failure.Type + ": " + e.Failure.Message + "\n" + e.Failure.Traceback
	}
	return err.Error()
}

// Reply is what the gateway answered.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// Call sends a request to the gateway. Headers are "Name: value".
func (h *Host) Call(method, path, body string, headers ...string) Reply {
	h.t.Helper()
	r, err := h.Try(h.t.Context(), method, path, body, headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// Try is Call for callers that expect errors of the connection, or run on
// other goroutines than the test's.
func (h *Host) Try(ctx context.Context, method, path, body string, headers ...string) (Reply, error) {
	return h.TryWith(ctx, http.DefaultClient, method, path, body, headers...)
}

// TryWith is Try with a client of the caller's own.
func (h *Host) TryWith(ctx context.Context, c *http.Client, method, path, body string, headers ...string) (Reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return Reply{}, err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := c.Do(req)
	if err != nil {
		return Reply{}, err
	}
	b, err := io.ReadAll(resp.Body)
	return Reply{resp.StatusCode, resp.Header, string(b)}, errors.Join(err, resp.Body.Close())
}

// SameData makes another host, started once this one has stopped, use its
// data directory.
func (h *Host) SameData() func(*server.Config) {
	return func(c *server.Config) { c.DataDir = h.dir }
}
