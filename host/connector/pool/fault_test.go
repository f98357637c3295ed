package pool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/pool"
)

// script is a connection whose operations do what a test says.
type script struct {
	do   func(ctx context.Context, r *connector.Request) (*connector.Result, error)
	ping func(ctx context.Context) error
	env  connector.Env
}

type scriptConfig struct {
	Password string `json:"password" secret:"true" doc:"sent first"`
}

func (s *script) Ping(ctx context.Context) error { return s.ping(ctx) }
func (s *script) Close() error                   { return nil }

// stage is a pool with one scripted connection, and its log.
type stage struct {
	*script
	*source
	pool *pool.Pool
	ops  *connector.Registry
	mu   sync.Mutex
	log  bytes.Buffer
}

func (s *stage) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *stage) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func newStage(t testing.TB) *stage {
	s := &stage{
		script: &script{
			do: func(context.Context, *connector.Request) (*connector.Result, error) {
				return new(connector.Result), nil
			},
			ping: func(context.Context) error { return nil },
		},
		source: &source{connections: map[string]host.Connection{}, secrets: map[string]string{"a/key": "hunter2 & co"}},
	}
	c := connector.Define(connector.Spec[scriptConfig, *script]{
		Type: "script", Doc: "Does what it is told.",
		Open: func(_ context.Context, _ scriptConfig, env connector.Env) (*script, error) {
			s.env = env
			return s.script, nil
		},
	})
	c.Ops = []connector.OpInfo{{Name: "script.do", Doc: "Does it.", Do: func(ctx context.Context, _ connector.Conn, r *connector.Request) (*connector.Result, error) {
		return s.do(ctx, r)
	}}}
	s.connections["a/E"] = host.Connection{Tenant: "a", Name: "E", Type: "script", Config: []byte(`{"password": "${secret:key}"}`)}
	s.pool = pool.New(s.source, t.TempDir(), slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug})), c)
	s.ops = connector.NewRegistry(s.pool.Ops()...)
	t.Cleanup(func() { _ = s.pool.Close() })
	return s
}

func (s *stage) run(ctx context.Context, name string) (*connector.Result, error) {
	return s.ops.Do(ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: "a", Service: "s", CID: "c-1", Grants: host.Grants{Connections: []string{"*"}}},
		Envelope: abi.Envelope{{Name: abi.FieldOp, Value: "script.do"}, {Name: abi.FieldConnection, Value: name}},
	})
}

func TestSystemsThatAreDownAreLeftAlone(t *testing.T) {
	t.Parallel()
	s, calls := newStage(t), 0
	s.do = func(context.Context, *connector.Request) (*connector.Result, error) {
		calls++
		return nil, host.Errorf(abi.Unavailable, "nobody is there")
	}
	for range 50 {
		if _, err := s.run(t.Context(), "E"); host.CodeOf(err) != abi.Unavailable {
			t.Fatal(err)
		}
	}
	_, err := s.run(t.Context(), "E")
	if e, ok := errors.AsType[*host.Error](err); calls >= 50 || !ok || e.RetryAfter <= 0 {
		t.Errorf("after %d of 50 operations were tried: %v", calls, err)
	}
	state := s.pool.State("a", "E")
	if state.Failures != 51 || state.Operations != 51 || !strings.Contains(state.LastError, "nobody is there") {
		t.Errorf("%+v", state)
	}
	s.do = func(context.Context, *connector.Request) (*connector.Result, error) {
		return new(connector.Result), nil
	}
	if _, err := s.pool.Ping(t.Context(), s.connections["a/E"]); err != nil {
		t.Error(err)
	}
	if _, err := s.run(t.Context(), "E"); err != nil || s.pool.State("a", "E").State != host.ConnectionOpen {
		t.Errorf("a system that is back: %v, %+v", err, s.pool.State("a", "E"))
	}
	s.do = func(context.Context, *connector.Request) (*connector.Result, error) {
		return nil, errors.New("no such row")
	}
	for range 20 {
		if _, err := s.run(t.Context(), "E"); host.CodeOf(err) != abi.Remote {
			t.Fatalf("refusals are no failures of the system: %v", err)
		}
	}
}

func TestHungSystemsAreFoundOut(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.do = func(ctx context.Context, _ *connector.Request) (*connector.Result, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.ping = func(context.Context) error { return context.DeadlineExceeded }
	for deadline := time.Now().Add(30 * time.Second); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := s.run(ctx, "E")
		cancel()
		if host.CodeOf(err) == abi.Unavailable {
			return
		}
		if host.CodeOf(err) != abi.Timeout || time.Now().After(deadline) {
			t.Fatalf("a system that does not answer: %v", err)
		}
	}
}

func TestSystemsThatRepeatThePassword(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, fail := range []error{
		errors.New("bad password hunter2 & co"),
		host.Errorf(abi.Conflict, "the system refuses: hunter2+%%26+co"),
		fmt.Errorf("%w: who is hunter2 & co?", connector.ErrNotConnected),
		errors.New("Basic bWU6aHVudGVyMiAmIGNv"), // me:hunter2 & co
	} {
		s.do = func(context.Context, *connector.Request) (*connector.Result, error) {
			s.env.Log.Warn("the system says hunter2 & co", "err", fail)
			return nil, fail
		}
		_, err := s.run(t.Context(), "E")
		for _, text := range []string{err.Error(), host.MessageOf(err), s.said(), fmt.Sprint(s.pool.State("a", "E"))} {
			if strings.Contains(text, "hunter2") || strings.Contains(text, "aHVudGVyMiAmIGN") {
				t.Errorf("%s", text)
			}
		}
	}
	if !strings.Contains(s.said(), "cid=c-1 tenant=a service=s connection=E op=script.do code=remote") {
		t.Errorf("the log of operations:\n%s", s.said())
	}
}

func TestConnectorsThatPanicFailOneOperation(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.do = func(context.Context, *connector.Request) (*connector.Result, error) { panic("out of range") }
	if _, err := s.run(t.Context(), "E"); host.CodeOf(err) != abi.Internal || strings.Contains(host.MessageOf(err), "range") {
		t.Error(err)
	}
	if state := s.pool.State("a", "E"); state.InFlight != 0 || !strings.Contains(s.said(), "out of range") {
		t.Errorf("%+v", state)
	}
}

type body struct {
	io.Reader
	closed int
}

func (b *body) Close() error { b.closed++; return nil }

func TestRepliesThatStreamAreUnderWay(t *testing.T) {
	t.Parallel()
	s, b := newStage(t), &body{Reader: strings.NewReader("hello")}
	s.do = func(context.Context, *connector.Request) (*connector.Result, error) {
		return &connector.Result{Stream: b}, nil
	}
	r, err := s.run(t.Context(), "E")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.pool.State("a", "E").InFlight; n != 1 {
		t.Errorf("%d under way", n)
	}
	if got, err := io.ReadAll(r.Stream); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if err := errors.Join(r.Stream.Close(), r.Stream.Close()); err != nil || b.closed == 0 {
		t.Errorf("%v, %d", err, b.closed)
	}
	if n := s.pool.State("a", "E").InFlight; n != 0 {
		t.Errorf("%d under way after it", n)
	}
}

func TestLargeRepliesCountUntilTheyAreReleased(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.do = func(context.Context, *connector.Request) (*connector.Result, error) {
		return &connector.Result{Body: make([]byte, 60<<20)}, nil
	}
	ctx, end := context.WithCancel(t.Context())
	var held []*connector.Result
	for range 2 {
		r, err := s.run(ctx, "E")
		if err != nil || r.Release == nil {
			t.Fatal(err)
		}
		held = append(held, r)
	}
	if _, err := s.run(ctx, "E"); host.CodeOf(err) != abi.Limit {
		t.Errorf("180 MiB at once: %v", err)
	}
	held[0].Release()
	held[0].Release()
	end() // of the call
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, err := s.run(t.Context(), "E"); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestMadeUpNamesTakeNoRoom(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for i := range 20000 {
		if _, err := s.run(t.Context(), fmt.Sprint("n", i)); host.CodeOf(err) != abi.NotFound {
			t.Fatal(err)
		}
	}
	if _, err := s.run(t.Context(), "E"); err != nil {
		t.Error(err)
	}
}

func BenchmarkOperation(b *testing.B) {
	s := newStage(b)
	s.pool.Close()
	c := connector.Connector{
		Type: "script", Open: func(context.Context, []byte, func(string) (string, error), connector.Env) (connector.Conn, error) {
			return s.script, nil
		},
		Ops: []connector.OpInfo{{Name: "script.do", Do: func(context.Context, connector.Conn, *connector.Request) (*connector.Result, error) {
			return new(connector.Result), nil
		}}},
	}
	p := pool.New(s.source, b.TempDir(), slog.New(slog.DiscardHandler), c)
	defer p.Close()
	op := p.Ops()[0]
	r := &connector.Request{
		Scope:    connector.Scope{Tenant: "a", Service: "s", Quota: host.DefaultQuota(), Grants: host.Grants{Connections: []string{"E"}}},
		Envelope: abi.Envelope{{Name: abi.FieldOp, Value: "script.do"}, {Name: abi.FieldConnection, Value: "E"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := op.Do(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
