package connectortest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// env is what a connection gets that is opened without a pool.
func (f *Client) env(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error)) connector.Env {
	t.Helper()
	return connector.Env{Tenant: f.tenant, Name: "C", Dial: dial, Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(f, nil))}
}

// secret reads the client's secrets.
func (f *Client) secret(name string) (string, error) {
	value, err := f.Secret(context.Background(), f.tenant, name)
	return string(value), err
}

// closing checks that a connection leaves nothing behind, and that it can be
// closed twice, and while it is used.
func (s Suite) closing(t *testing.T) {
	before := held()
	f := s.client(t, s.addr())
	for _, op := range s.Ops {
		if _, err := s.do(t.Context(), f, op); err != nil {
			t.Errorf("%s: %v", op.Name, err)
		}
	}
	conn, err := s.Connector.Open(t.Context(), f.record().Config, f.secret, f.env(t, new(net.Dialer).DialContext))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	for range 2 {
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a closed connection gives a sign of life")
	}
	if s.Server != nil {
		s.closedMeanwhile(t, f)
	}
	if err := f.pool.Close(); err != nil {
		t.Error(err)
	}
	nothingSince(t, before)
}

// closedMeanwhile closes a connection of which an operation waits for a frozen
// server.
func (s Suite) closedMeanwhile(t *testing.T, f *Client) {
	t.Helper()
	if err := f.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Server.Freeze()
	defer s.back(t, f)
	defer s.Server.Thaw()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.first(ctx, f) }()
	time.AfterFunc(100*time.Millisecond, func() { f.Delete(ctx) }) // it may be waiting by then, or not
	select {
	case err := <-done:
		if err == nil {
			t.Error("a frozen server answers")
		}
	case <-time.After(patience):
		t.Fatal("an operation outlives its call")
	}
	f.Configure(s.Config(s.addr()), s.Secrets)
}

// tenants checks that connections of the same name belong to their tenants.
func (s Suite) tenants(t *testing.T) {
	p, q := StartProxy(t, s.Server.Addr()), StartProxy(t, s.Server.Addr())
	f := Open(t, s.Connector, s.Config(p.Addr()), s.Secrets)
	other := f.Tenant("u", s.Config(q.Addr()), s.Secrets)
	if err := s.first(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if p.Opened() == 0 || q.Opened() != 0 {
		t.Errorf("the first tenant opened %d connections, and %d of the other's", p.Opened(), q.Opened())
	}
	opened, answered := p.Opened(), p.Answered()
	if err := s.first(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if q.Opened() == 0 || p.Opened() != opened {
		t.Errorf("the other tenant opened %d connections, and %d of the first's (%d bytes)", q.Opened(), p.Opened()-opened, p.Answered()-answered)
	}
	if len(s.Secrets) == 0 {
		return
	}
	wrong := map[string]string{}
	for name := range s.Secrets {
		wrong[name] = "no such password, which is wrong"
	}
	other.Configure(s.Config(q.Addr()), wrong)
	if err := s.first(t.Context(), other); err == nil {
		t.Error("a tenant with the wrong secret uses the system: does the server of the test ask for it?")
	}
	other.Configure(s.Config(q.Addr()), nil)
	if err := s.first(t.Context(), other); host.CodeOf(err) != abi.NotFound {
		t.Errorf("a tenant without the secret: %v", err)
	}
	if err := s.first(t.Context(), f); err != nil {
		t.Errorf("the first tenant: %v", err)
	}
}

// change checks that a connection follows its configuration at once.
func (s Suite) change(t *testing.T) {
	p, q := StartProxy(t, s.Server.Addr()), StartProxy(t, s.Server.Addr())
	f := s.client(t, p.Addr())
	if err := s.first(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	f.Configure(s.Config(q.Addr()), s.Secrets)
	if err := s.first(t.Context(), f); err != nil || q.Opened() == 0 {
		t.Errorf("with another address: %v, %d connections to it", err, q.Opened())
	}
	gone(t, p)
	// Who mends a mistake need not wait until the system that was given up is
	// tried again.
	nobody := StartStub(t, func(net.Conn) {})
	for range 5 {
		f.Configure(s.Config(nobody.Addr()), s.Secrets)
		if err := s.first(t.Context(), f); host.CodeOf(err) != abi.Unavailable {
			t.Errorf("with an address where nobody is: %v", err)
		}
	}
	f.Configure(s.Config(q.Addr()), s.Secrets)
	if err := s.first(t.Context(), f); err != nil {
		t.Errorf("with the right address again: %v", err)
	}
	f.Delete(t.Context())
	if err := s.first(t.Context(), f); host.CodeOf(err) != abi.NotFound {
		t.Errorf("a deleted connection: %v", err)
	}
	gone(t, q)
}

// gone waits until nobody uses a proxy.
func gone(t *testing.T, p *Proxy) {
	t.Helper()
	for deadline := time.Now().Add(patience); p.Active() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%d connections stay open to where no connection leads any more", p.Active())
			return
		}
	}
}

// egress checks that the policy of addresses cannot be passed by.
func (s Suite) egress(t *testing.T) {
	trap := StartStub(t, silent)
	f := s.client(t, trap.Addr())
	inside := f.record()
	inside.AllowNetworks = nil
	f.put(inside, s.Secrets)
	for _, op := range s.Ops {
		if _, err := s.do(t.Context(), f, op); host.CodeOf(err) != abi.Denied {
			t.Errorf("%s to a forbidden address: %v", op.Name, err)
		}
	}
	if err := f.Ping(t.Context()); host.CodeOf(err) != abi.Denied {
		t.Errorf("ping of a forbidden address: %v", err)
	}
	conn, err := s.Connector.Open(t.Context(), inside.Config, f.secret, f.env(t, refuseAll))
	if err == nil { // it dials when there is something to do
		err = conn.Ping(t.Context())
		_ = conn.Close()
	}
	if !errors.Is(f.note(err), egress.ErrDenied) {
		t.Errorf("Open and Ping: %v, want what dialling said", err)
	}
	if n := trap.visitors(t); n > 0 {
		t.Errorf("%d connections were made past env.Dial", n)
	}
}

// refuseAll dials nothing.
func refuseAll(context.Context, string, string) (net.Conn, error) {
	return nil, &egress.DeniedError{Class: egress.Loopback}
}
