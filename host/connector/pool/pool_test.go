package pool_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/pool"
)

// echoConfig is that of a connector for servers that answer each line with
// the password and the line.
type echoConfig struct {
	Address  string        `json:"address" required:"true" doc:"host and port"`
	Password string        `json:"password" secret:"true" doc:"sent first"`
	Timeout  host.Duration `json:"timeout" default:"1s" min:"1ms" max:"1m" doc:"of an operation"`
}

type echo struct {
	mu   sync.Mutex
	conn net.Conn
	r    *bufio.Reader
}

func (e *echo) line(ctx context.Context, text string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		_ = e.conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { _ = e.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := fmt.Fprintln(e.conn, text)
	var answer string
	if err == nil {
		answer, err = e.r.ReadString('\n')
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", errors.Join(ctx.Err(), connector.ErrNotConnected)
		}
		return "", fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	}
	return strings.TrimSpace(answer), nil
}

func (e *echo) Ping(ctx context.Context) error { _, err := e.line(ctx, "ping"); return err }
func (e *echo) Close() error                   { return e.conn.Close() }

var echoes = connector.Define(connector.Spec[echoConfig, *echo]{
	Type: "echo", Doc: "Answers lines.",
	Open: func(ctx context.Context, c echoConfig, env connector.Env) (*echo, error) {
		conn, err := env.Dial(ctx, "tcp", c.Address)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
		}
		e := &echo{conn: conn, r: bufio.NewReader(conn)}
		_, err = e.line(ctx, c.Password)
		return e, err
	},
	Ops: []connector.Operation[*echo]{
		connector.NewOperation("echo.say", "Says the body.", say, connector.Retry),
		connector.NewOperation("echo.once", "Says the body once.", say),
		connector.NewOperation("echo.fail", "Fails.", func(context.Context, *echo, *connector.Request, line) (line, error) {
			return line{}, errors.New("no such line")
		}),
	},
})

type line struct {
	Body string `body:"what is said"`
}

func say(ctx context.Context, e *echo, _ *connector.Request, in line) (line, error) {
	answer, err := e.line(ctx, in.Body)
	return line{answer}, err
}

// server is a real one, which can go away and come back.
type server struct {
	t    *testing.T
	addr string

	mu     sync.Mutex
	l      net.Listener
	conns  []net.Conn
	opened int
	silent bool
}

func start(t *testing.T, addr string) *server {
	t.Helper()
	s := &server{t: t, addr: addr}
	s.listen()
	t.Cleanup(s.stop)
	return s
}

func (s *server) listen() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.l, s.addr = l, l.Addr().String()
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns, s.opened = append(s.conns, c), s.opened+1
			silent := s.silent
			s.mu.Unlock()
			if !silent {
				go serve(c)
			}
		}
	}()
}

func serve(c net.Conn) {
	r := bufio.NewReader(c)
	password, err := r.ReadString('\n')
	for line := password; err == nil; line, err = r.ReadString('\n') {
		_, _ = fmt.Fprintf(c, "%s:%s\n", strings.TrimSpace(password), strings.TrimSpace(line))
	}
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.l.Close()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// source is a catalogue in memory.
type source struct {
	mu          sync.Mutex
	connections map[string]host.Connection
	secrets     map[string]string
}

func (s *source) Connection(_ context.Context, tenant, name string) (host.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.connections[tenant+"/"+name]
	if !ok {
		return c, host.Errorf(abi.NotFound, "no connection %q", name)
	}
	return c, nil
}

func (s *source) Secret(_ context.Context, tenant, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.secrets[tenant+"/"+name]
	if !ok {
		return nil, host.Errorf(abi.NotFound, "no secret %q", name)
	}
	return []byte(v), nil
}

func (s *source) put(tenant, name, config string, networks ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections[tenant+"/"+name] = host.Connection{Tenant: tenant, Name: name, Type: "echo", Config: []byte(config), AllowNetworks: networks}
}

type fixture struct {
	*source
	pool *pool.Pool
	ops  *connector.Registry
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s := &source{connections: map[string]host.Connection{}, secrets: map[string]string{"a/key": "k1", "b/key": "k2"}}
	p := pool.New(s, t.TempDir(), slog.New(slog.DiscardHandler), echoes)
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Error(err)
		}
	})
	return &fixture{s, p, connector.NewRegistry(p.Ops()...)}
}

const loopback = "127.0.0.0/8"

func (f *fixture) do(ctx context.Context, tenant, op, name, body string) (string, error) {
	r, err := f.ops.Do(ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: tenant, Service: "s", Grants: host.Grants{Connections: []string{"*"}}},
		Envelope: abi.Envelope{{Name: abi.FieldOp, Value: op}, {Name: abi.FieldConnection, Value: name}},
		Body:     []byte(body),
	})
	if err != nil {
		return "", err
	}
	return string(r.Body), nil
}

func (f *fixture) say(t *testing.T, tenant, want string) {
	t.Helper()
	if got, err := f.do(t.Context(), tenant, "echo.say", "E", "hi"); err != nil || got != want {
		t.Errorf("%s says %q, %v; want %q", tenant, got, err, want)
	}
}

func config(s *server) string {
	return fmt.Sprintf(`{"address": %q, "password": "${secret:key}"}`, s.addr)
}

func TestOneConnectionServesManyCallsOfItsTenant(t *testing.T) {
	t.Parallel()
	f, s := newFixture(t), start(t, "127.0.0.1:0")
	f.put("a", "E", config(s), loopback)
	f.put("b", "E", config(s), loopback)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { f.say(t, "a", "k1:hi") })
		all.Go(func() { f.say(t, "b", "k2:hi") })
	}
	all.Wait()
	if n := s.count(); n != 2 {
		t.Errorf("%d connections for two tenants", n)
	}
}

func TestChangesAreSeenWithoutARestart(t *testing.T) {
	t.Parallel()
	f, one, two := newFixture(t), start(t, "127.0.0.1:0"), start(t, "127.0.0.1:0")
	f.put("a", "E", config(one), loopback)
	f.say(t, "a", "k1:hi")
	f.mu.Lock()
	f.secrets["a/key"] = "new"
	f.mu.Unlock()
	f.pool.Invalidate()
	f.say(t, "a", "new:hi")
	f.pool.Invalidate() // nothing has changed: the connection stays
	f.say(t, "a", "new:hi")
	if one.count() != 2 {
		t.Errorf("%d connections, want 2", one.count())
	}
	f.put("a", "E", config(two), loopback)
	f.pool.Invalidate()
	f.say(t, "a", "new:hi")
	if two.count() != 1 {
		t.Errorf("the new address was not used")
	}
	f.mu.Lock()
	delete(f.connections, "a/E")
	f.mu.Unlock()
	f.pool.Sweep(t.Context())
	if _, err := f.do(t.Context(), "a", "echo.say", "E", ""); host.CodeOf(err) != abi.NotFound {
		t.Errorf("a deleted connection: %v", err)
	}
}

func TestLostConnectionsAreOpenedAnew(t *testing.T) {
	t.Parallel()
	f, s := newFixture(t), start(t, "127.0.0.1:0")
	f.put("a", "E", config(s), loopback)
	f.say(t, "a", "k1:hi")
	s.stop()
	s.listen()
	f.say(t, "a", "k1:hi") // it may be repeated
	s.stop()
	s.listen()
	if _, err := f.do(t.Context(), "a", "echo.once", "E", "x"); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("what must not be repeated: %v", err)
	}
	f.say(t, "a", "k1:hi")
	s.stop()
	_, err := f.do(t.Context(), "a", "echo.say", "E", "x")
	if host.CodeOf(err) != abi.Unavailable || strings.Contains(host.MessageOf(err), "127.0.0.1") {
		t.Errorf("a system that is down: %v", err)
	}
	var e *host.Error
	if _, err = f.do(t.Context(), "a", "echo.say", "E", "x"); !errors.As(err, &e) || e.RetryAfter <= 0 {
		t.Errorf("a system that was just down is asked again: %v", err)
	}
	s.listen()
	conn, _ := f.Connection(t.Context(), "a", "E")
	if known, err := f.pool.Ping(t.Context(), conn); !known || err != nil {
		t.Errorf("ping: %v", err)
	}
	f.say(t, "a", "k1:hi")
}

func TestErrorsAreForTheService(t *testing.T) {
	t.Parallel()
	f, s := newFixture(t), start(t, "127.0.0.1:0")
	f.put("a", "E", config(s), loopback)
	f.put("a", "inside", config(s)) // nothing but the Internet
	f.put("a", "poor", strings.Replace(config(s), "key", "none", 1), loopback)
	f.put("a", "broken", `{"port": "x"}`, loopback)
	f.connections["a/other"] = host.Connection{Tenant: "a", Name: "other", Type: "http", Config: []byte(`{}`)}
	for _, c := range []struct {
		op, name string
		code     abi.Code
		want     string
	}{
		{"echo.fail", "E", abi.Remote, `the system of connection "E" refuses: no such line`},
		{"echo.say", "inside", abi.Denied, `may not reach`},
		{"echo.say", "poor", abi.NotFound, `needs the secret "none"`},
		{"echo.say", "broken", abi.Invalid, `config has no field "port": use address, password, timeout`},
		{"echo.say", "none", abi.NotFound, `no connection "none"`},
		{"echo.say", "other", abi.Invalid, `has the type "http"`},
		{"echo.say", "a/b", abi.Invalid, `use 1 to 128`},
	} {
		_, err := f.do(t.Context(), "a", c.op, c.name, "x")
		if host.CodeOf(err) != c.code || !strings.Contains(host.MessageOf(err), c.want) {
			t.Errorf("%s on %s: %v (%s)", c.op, c.name, err, host.CodeOf(err))
		}
	}
	_, err := f.ops.Do(t.Context(), &connector.Request{
		Scope:    connector.Scope{Tenant: "a", Service: "s"},
		Envelope: abi.Envelope{{Name: abi.FieldOp, Value: "echo.say"}, {Name: abi.FieldConnection, Value: "E"}},
	})
	if host.CodeOf(err) != abi.Denied {
		t.Errorf("without a grant: %v", err)
	}
}

func TestSilentSystemsAreLeft(t *testing.T) {
	t.Parallel()
	f, s := newFixture(t), start(t, "127.0.0.1:0")
	f.put("a", "E", config(s), loopback)
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := f.do(ctx, "a", "echo.say", "E", "x"); host.CodeOf(err) != abi.Timeout {
		t.Errorf("silent at opening: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := f.do(ctx, "a", "echo.say", "E", "x"); host.CodeOf(err) != abi.Cancelled && host.CodeOf(err) != abi.Unavailable {
		t.Errorf("the caller goes away: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	type inner struct {
		Mode string `json:"mode" enum:"on,off" default:"on" doc:"m"`
	}
	type config struct {
		inner
		Host  string            `json:"host" required:"true" doc:"h"`
		Port  int               `json:"port" default:"80" min:"1" max:"65535" doc:"p"`
		Size  host.Bytes        `json:"size" default:"1MiB" max:"2MiB" min:"1B" doc:"s"`
		Sub   inner             `json:"sub" doc:"o"`
		List  []string          `json:"list" doc:"l"`
		Map   map[string]string `json:"map" doc:"m"`
		Token string            `json:"token" secret:"true" doc:"t"`
	}
	var got config
	c := connector.Define(connector.Spec[config, *echo]{
		Type: "t", Doc: "d",
		Open: func(_ context.Context, c config, _ connector.Env) (*echo, error) { got = c; return nil, io.EOF },
	})
	raw := `{"host": "h", "sub": {"mode": "off"}, "list": ["a${secret:x}b"], "map": {"k": "${secret:y}"}, "token": "${secret:z}"}`
	_, _ = c.Open(t.Context(), []byte(raw), func(name string) (string, error) { return "<" + name + ">", nil }, connector.Env{})
	if want := `{{on} h 80 1MiB {off} [a<x>b] map[k:<y>] <z>}`; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	for raw, want := range map[string]string{
		`{}`:                             "config.host is missing: h",
		`{"host": ""}`:                   "config.host is missing: h",
		`[]`:                             "config is no JSON object",
		`{"host": 5}`:                    "config.host is text, not 5",
		`{"host": "h", "port": 0}`:       "config.port is 0: use 1 to 65535",
		`{"host": "h", "port": "80"}`:    `config.port is a whole number, not "80"`,
		`{"host": "h", "size": "3MiB"}`:  "config.size is 3MiB: use 1B to 2MiB",
		`{"host": "h", "mode": "x"}`:     `config.mode "x": use on, off`,
		`{"host": "h", "sub": {"x": 1}}`: `config.sub has no field "x": use mode`,
		`{"host": "h", "sub": 1}`:        `config.sub is an object with mode`,
		`{"host": "h", "token": "t"}`:    "config.token is in clear: store it as a secret and write ${secret:NAME} here",
		`{"host": "h", "hst": 1}`:        `config has no field "hst": use host, list, map, mode, port, size, sub, token`,
	} {
		if err := c.Validate([]byte(raw)); err == nil || host.MessageOf(err) != want {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}
