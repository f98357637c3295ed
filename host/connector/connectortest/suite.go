package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Server is a real server that a test controls.
type Server interface {
	Addr() string // 127.0.0.1 and a port, the same after a restart
	Start()       // returns when it serves
	Stop()
	Freeze() // from now on it accepts and says nothing
	Thaw()
}

// Op is an operation that succeeds.
type Op struct {
	Name   string
	Fields abi.Envelope // without op and connection
	Body   string
	// Check, if set, looks at the result.
	Check func(t *testing.T, r *connector.Result)
}

// Suite is a connector, a server for it, and what to do there.
type Suite struct {
	Connector connector.Connector
	Server    Server
	// Config returns the configuration for a server at an address.
	Config func(addr string) string
	// Secrets are those that the configuration refers to. They must not
	// appear anywhere.
	Secrets map[string]string
	// Ops are tried in order, each of the connector's at least once.
	Ops []Op
}

// promptly bounds what has to be done soon, on a machine that is busy.
const promptly = time.Second

// Run tests the connector.
func Run(t *testing.T, s Suite) {
	t.Run("configuration", s.configuration)
	t.Run("operations", s.operations)
	t.Run("unavailable", s.unavailable)
	t.Run("silent", s.silent)
	t.Run("cut", s.cut)
	t.Run("frozen", s.frozen)
	t.Run("close", s.closing)
}

func (s Suite) configuration(t *testing.T) {
	good := s.Config(s.Server.Addr())
	if err := s.Connector.Validate([]byte(good)); err != nil {
		t.Errorf("%s: %v", good, err)
	}
	strange := strings.Replace(good, "{", `{"no_such_key": 1, `, 1)
	var e *host.Error
	if err := s.Connector.Validate([]byte(strange)); !errors.As(err, &e) || e.Code != abi.Invalid || e.Field != "config.no_such_key" {
		t.Errorf("an unknown key: %v", err)
	}
	for _, f := range s.Connector.Config {
		if !f.Secret {
			continue
		}
		var values map[string]any
		if err := json.Unmarshal([]byte(good), &values); err != nil {
			t.Fatal(err)
		}
		values[f.Name] = "in clear text"
		bad, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Connector.Validate(bad); host.CodeOf(err) != abi.Invalid || strings.Contains(err.Error(), "in clear text") {
			t.Errorf("%s in clear: %v", f.Name, err)
		}
	}
}

func (s Suite) operations(t *testing.T) {
	f := s.client(t, s.Server.Addr())
	if err := f.Ping(t.Context()); err != nil {
		t.Fatalf("ping: %v", err)
	}
	tried := map[string]bool{}
	for _, op := range s.Ops {
		tried[op.Name] = true
		r, err := f.Do(t.Context(), op.Name, op.Fields, op.Body)
		if err != nil {
			t.Errorf("%s: %v", op.Name, err)
			continue
		}
		if op.Check != nil {
			op.Check(t, r)
		}
	}
	for _, op := range s.Connector.Ops {
		if !tried[op.Name] {
			t.Errorf("%s is not tried", op.Name)
		}
	}
	if _, err := f.as(t.Context(), host.Grants{}, s.Ops[0].Name, s.Ops[0].Fields, s.Ops[0].Body); host.CodeOf(err) != abi.Denied {
		t.Errorf("without a grant: %v", err)
	}
}

func (s Suite) unavailable(t *testing.T) {
	f := s.client(t, s.Server.Addr())
	if _, err := s.first(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	s.Server.Stop()
	if err := f.Ping(t.Context()); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("ping of a server that is down: %v", err)
	}
	if _, err := s.first(t.Context(), f); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("a server that is down: %v", err)
	}
	s.Server.Start()
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("ping of a server that is back: %v", err)
	}
	if _, err := s.first(t.Context(), f); err != nil {
		t.Errorf("a server that is back: %v", err)
	}
}

// silent is about a server that accepts connections and says nothing.
func (s Suite) silent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.patience(t, s.client(t, l.Addr().String()))
}

// patience checks that nobody waits for longer than they want to.
func (s Suite) patience(t *testing.T, f *Client) {
	t.Helper()
	for _, op := range s.Ops {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		began := time.Now()
		if _, err := f.Do(ctx, op.Name, op.Fields, op.Body); host.CodeOf(err) != abi.Timeout && host.CodeOf(err) != abi.Unavailable || time.Since(began) > promptly {
			t.Errorf("%s until a deadline: %v after %s", op.Name, err, time.Since(began))
		}
		cancel()
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		began = time.Now()
		if _, err := f.Do(ctx, op.Name, op.Fields, op.Body); host.CodeOf(err) != abi.Cancelled && host.CodeOf(err) != abi.Unavailable || time.Since(began) > promptly {
			t.Errorf("%s until it is cancelled: %v after %s", op.Name, err, time.Since(began))
		}
		cancel()
	}
}

// cut is about a server that breaks off in the middle of an answer.
func (s Suite) cut(t *testing.T) {
	p := StartProxy(t, s.Server.Addr())
	f := s.client(t, p.Addr())
	for _, op := range s.Ops {
		for _, n := range []int64{0, 3} {
			if err := f.Ping(t.Context()); err != nil {
				t.Fatalf("reconnecting: %v", err)
			}
			p.CutAfter(n)
			_, err := f.Do(t.Context(), op.Name, op.Fields, op.Body)
			if code := host.CodeOf(err); code != abi.OK && code != abi.Unavailable {
				t.Errorf("%s, cut after %d bytes: %v", op.Name, n, err)
			}
			p.CutAfter(-1)
			if err := f.Ping(t.Context()); err != nil {
				t.Errorf("after %s was cut: %v", op.Name, err)
			}
		}
	}
}

func (s Suite) frozen(t *testing.T) {
	f := s.client(t, s.Server.Addr())
	if _, err := s.first(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	s.Server.Freeze()
	s.patience(t, f)
	s.Server.Thaw()
	deadline := time.Now().Add(30 * time.Second)
	for err := f.Ping(t.Context()); err != nil; err = f.Ping(t.Context()) {
		if time.Now().After(deadline) {
			t.Fatalf("after it was frozen: %v", err)
		}
	}
}

// closing checks that a connection leaves nothing behind.
func (s Suite) closing(t *testing.T) {
	before := runtime.NumGoroutine()
	f := s.client(t, s.Server.Addr())
	for _, op := range s.Ops {
		if _, err := f.Do(t.Context(), op.Name, op.Fields, op.Body); err != nil {
			t.Errorf("%s: %v", op.Name, err)
		}
	}
	conn, err := s.open(t, f)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := f.pool.Close(); err != nil {
		t.Error(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines were there before, now:\n%s", before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s Suite) client(t *testing.T, addr string) *Client {
	t.Helper()
	return Open(t, s.Connector, s.Config(addr), s.Secrets)
}

// first performs the first operation.
func (s Suite) first(ctx context.Context, f *Client) (*connector.Result, error) {
	return f.Do(ctx, s.Ops[0].Name, s.Ops[0].Fields, s.Ops[0].Body)
}

// open opens a connection without a pool.
func (s Suite) open(t *testing.T, f *Client) (connector.Conn, error) {
	t.Helper()
	secret := func(name string) (string, error) { return s.Secrets[name], nil }
	return s.Connector.Open(t.Context(), f.record.Config, secret, connector.Env{
		Tenant: "t", Name: "C", Dial: new(net.Dialer).DialContext, Log: slog.New(slog.NewTextHandler(f, nil)),
	})
}
