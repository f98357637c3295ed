package inbound_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/inbound"
	"github.com/seraihost/serai/host/telemetry"
)

// world is a catalogue, a system with one queue in memory and a service.
type world struct {
	mu          sync.Mutex
	connections map[string]host.Connection
	secrets     map[string]string
	opened      []string // passwords that sources were opened with
	down        bool
	queue       chan string
	settled     []string // message and disposition
	calls       []string
	store       *connectortest.Store
	aside       int64
	forgets     bool
	serve       func(ctx context.Context, call *host.Call) (*host.Reply, error)
}

type connConfig struct {
	Password string `json:"password" secret:"true" doc:"p"`
}

type queueConfig struct {
	Queue string `json:"queue" required:"true" doc:"q"`
	connector.Redelivery
}

func (w *world) kind() connector.SourceType {
	return connector.DefineSource(connector.SourceSpec[connConfig, queueConfig]{
		Type: "mem", Channel: "mem", Doc: "Memory.",
		Forgets: func(queueConfig) bool { return w.forgets },
		Open: func(_ context.Context, c connConfig, q queueConfig, _ connector.Env) (connector.Source, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.down {
				return nil, fmt.Errorf("%w: refused", connector.ErrNotConnected)
			}
			w.opened = append(w.opened, q.Queue+c.Password)
			return w, nil
		},
	})
}

// Run implements connector.Source, one message at a time.
func (w *world) Run(ctx context.Context, deliver connector.Deliver) error {
	for ctx.Err() == nil { // of two that are ready, select takes any
		select {
		case <-ctx.Done():
		case body := <-w.queue:
			if body == "lost" {
				return connector.ErrNotConnected
			}
			if body == "panic" {
				panic("of the source")
			}
			d, err := deliver(ctx, connector.Message{Body: []byte(body), Envelope: abi.Envelope{{Name: abi.PrefixMessage + "n", Value: "1"}}})
			w.mu.Lock()
			w.settled = append(w.settled, fmt.Sprint(body, " ", map[connector.Disposition]string{connector.Done: "done", connector.Park: "park", connector.Again: "again"}[d], " ", err))
			w.mu.Unlock()
		}
	}
	return nil
}

func (w *world) Close() error { return nil }

func (w *world) Connection(_ context.Context, tenant, name string) (host.Connection, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.connections[name]
	if !ok {
		return c, host.Errorf(abi.NotFound, "no connection %q", name)
	}
	c.Tenant, c.Name = tenant, name
	return c, nil
}

func (w *world) Secret(_ context.Context, _, name string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []byte(w.secrets[name]), nil
}

func (w *world) Invoke(ctx context.Context, call *host.Call) (*host.Reply, error) {
	w.mu.Lock()
	w.calls = append(w.calls, string(call.Body))
	serve := w.serve
	w.mu.Unlock()
	return serve(ctx, call)
}

// get returns a value under the lock.
func get[T any](w *world, f func() T) T {
	w.mu.Lock()
	defer w.mu.Unlock()
	return f()
}

func ok(context.Context, *host.Call) (*host.Reply, error) { return &host.Reply{Status: 200}, nil }

// start runs an intake until the test ends or stop is called.
func start(t *testing.T, w *world) (i *inbound.Intake, stop func()) {
	t.Helper()
	book := telemetry.NewBook(telemetry.Options{})
	t.Cleanup(func() { _ = book.Close() })
	i = inbound.New(inbound.Config{
		Catalog: w, Types: []connector.SourceType{w.kind()}, Invoker: func() host.Invoker { return w },
		Book: book, Logger: slog.New(slog.DiscardHandler), Store: w.store, Aside: w.aside,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return i, stop
}

func newWorld() *world {
	return &world{
		connections: map[string]host.Connection{"C": {Type: "mem", Config: []byte(`{"password": "${secret:s}"}`)}},
		secrets:     map[string]string{"s": "1"}, queue: make(chan string, 100), serve: ok, store: new(connectortest.Store),
	}
}

func channel(config string) host.Channel {
	return host.Channel{Tenant: "t", Name: "in", Type: "mem", Connection: "C", Service: "s", DataFormat: host.FormatJSON, Config: []byte(config)}
}

const quick = `{"queue": "q", "attempts": 3, "backoff": "1ms", "max_backoff": "5ms"}`

func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}

func TestDispositions(t *testing.T) {
	t.Parallel()
	w := newWorld()
	i, _ := start(t, w)
	i.Set(t.Context(), []host.Channel{channel(quick)})
	attempts := map[string]int{}
	w.mu.Lock()
	w.serve = func(_ context.Context, call *host.Call) (*host.Reply, error) {
		body := string(call.Body)
		w.mu.Lock()
		defer w.mu.Unlock()
		attempts[body]++
		with := func(status int, what string) *host.Reply {
			return &host.Reply{Status: status, Headers: []abi.Field{{Name: abi.HeaderDisposition, Value: what}}}
		}
		switch {
		case body == "fails", body == "fails once" && attempts[body] == 1:
			return nil, host.Errorf(abi.Failed, "ValueError")
		case body == "status":
			return &host.Reply{Status: 404}, nil
		case body == "problem":
			return &host.Reply{Status: 400, Headers: []abi.Field{{Name: "content-type", Value: "application/problem+json"}}, Body: []byte(`{"title": "Bad", "detail": "no"}`)}, nil
		case body == "reject":
			return with(200, abi.DispositionReject), nil
		case body == "retry":
			return with(200, abi.DispositionRetry), nil
		case body == "ack":
			return with(500, abi.DispositionAck), nil
		case body == "big":
			return nil, host.Errorf(abi.TooLarge, "too many bytes")
		case body == "away" && attempts[body] < 5:
			return nil, host.Errorf([]abi.Code{abi.NotFound, abi.Unavailable, abi.Cancelled, abi.NotFound, abi.OK}[attempts[body]-1], "away")
		}
		if want := "channel-name=in data-format=json message.n=1 "; format(call.Envelope) != want || call.Channel != "mem" || call.Tenant != "t" || call.CID == "" {
			t.Errorf("the call is %+v", call)
		}
		return &host.Reply{Status: 200}, nil
	}
	w.mu.Unlock()
	for _, c := range []struct {
		body, want string
		attempts   int
	}{
		{"good", "good done <nil>", 1},
		{"fails once", "fails once done <nil>", 2},
		{"fails", "fails park after 3 attempts: ", 3},
		{"status", "status park after 3 attempts: ", 3},
		{"problem", "problem park after 3 attempts: ", 3},
		{"reject", "reject park ", 1},
		{"retry", "retry park after 3 attempts: ", 3},
		{"ack", "ack done <nil>", 1},
		{"big", "big park ", 1},
		{"away", "away done <nil>", 5},
	} {
		before := get(w, func() int { return len(w.settled) })
		w.queue <- c.body
		until(t, c.body+" is settled", func() bool { return get(w, func() int { return len(w.settled) }) > before })
		if got := get(w, func() string { return w.settled[before] }); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
		if n := get(w, func() int { return attempts[c.body] }); n != c.attempts {
			t.Errorf("%s: %d attempts, want %d", c.body, n, c.attempts)
		}
	}
}

func format(e abi.Envelope) string {
	var b strings.Builder
	for _, f := range e {
		fmt.Fprintf(&b, "%s=%s ", f.Name, f.Value)
	}
	return b.String()
}

func TestChannelsComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.down = true
	i, _ := start(t, w)
	opened := func() []string { return get(w, func() []string { return slices.Clone(w.opened) }) }
	set := func(all ...host.Channel) { i.Set(t.Context(), all) }

	other := channel(quick)
	other.Name, other.Connection = "other", "none" // there is no such connection
	set(channel(quick), other)
	time.Sleep(10 * time.Millisecond)
	w.mu.Lock()
	w.down = false
	w.mu.Unlock()
	until(t, "it is opened once the system is there", func() bool { return slices.Equal(opened(), []string{"q1"}) })
	set(channel(quick), other)
	w.queue <- "lost"
	until(t, "it is opened again", func() bool { return slices.Equal(opened(), []string{"q1", "q1"}) })
	w.queue <- "panic"
	until(t, "it is opened after a panic", func() bool { return slices.Equal(opened(), []string{"q1", "q1", "q1"}) })
	if s, _ := i.State("t", "in"); s.Opened != 3 || !strings.Contains(s.Error, "internal error") {
		t.Errorf("the state is %+v", s)
	}
	w.mu.Lock()
	w.secrets["s"] = "2"
	w.mu.Unlock()
	set(channel(quick), other)
	until(t, "it is opened with a new secret", func() bool { return slices.Equal(opened(), []string{"q1", "q1", "q1", "q2"}) })
	set(channel(strings.Replace(quick, `"q"`, `"r"`, 1)), other)
	until(t, "it is opened with another queue", func() bool { return len(opened()) == 5 && opened()[4] == "r2" })
	w.mu.Lock()
	w.connections["none"] = w.connections["C"]
	w.mu.Unlock()
	disabled := channel(quick)
	disabled.Disabled = true
	set(disabled, other)
	until(t, "the other one is opened", func() bool { return len(opened()) == 6 })
	set()
	w.queue <- "nobody takes it"
	time.Sleep(20 * time.Millisecond)
	if n := get(w, func() int { return len(w.calls) }); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestStopLetsServicesEnd(t *testing.T) {
	t.Parallel()
	w := newWorld()
	i, stop := start(t, w)
	began, release := make(chan struct{}), make(chan struct{})
	w.serve = func(ctx context.Context, call *host.Call) (*host.Reply, error) {
		if string(call.Body) == "slow" {
			close(began)
			<-release
			return &host.Reply{Status: 200}, ctx.Err()
		}
		return nil, host.Errorf(abi.Failed, "no")
	}
	i.Set(t.Context(), []host.Channel{channel(quick)})
	w.queue <- "slow"
	<-began
	time.AfterFunc(20*time.Millisecond, func() { close(release) })
	stop()
	if got := fmt.Sprint(w.settled); got != "[slow done <nil>]" {
		t.Errorf("settled: %s", got)
	}

	w = newWorld()
	w.serve = func(context.Context, *host.Call) (*host.Reply, error) { return nil, errors.New("no") }
	i, stop = start(t, w)
	i.Set(t.Context(), []host.Channel{channel(`{"queue": "q", "backoff": "5m", "max_backoff": "5m"}`)})
	w.queue <- "fails"
	until(t, "it was tried", func() bool { return get(w, func() int { return len(w.calls) }) == 1 })
	stop() // nobody waits for five minutes
	if got := fmt.Sprint(w.settled); got != "[fails again context canceled]" {
		t.Errorf("settled: %s", got)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	i, _ := start(t, newWorld())
	if err := i.Validate(host.Channel{Path: "/x"}); err != nil {
		t.Error(err)
	}
	for want, c := range map[string]host.Channel{
		`channel type "smoke": use rest, mem`:     {Type: "smoke"},
		"config.queue is missing: q":              {Type: "mem"},
		"config.attempts is 0: use 1 to 100":      {Type: "mem", Config: []byte(`{"queue": "q", "attempts": 0}`)},
		`config has no field "que": use `:         {Type: "mem", Config: []byte(`{"que": "q"}`)},
		"config.backoff is 1h0m0s: use 1ms to 5m": {Type: "mem", Config: []byte(`{"queue": "q", "backoff": "1h"}`)},
	} {
		if err := i.Validate(c); err == nil || !strings.HasPrefix(host.MessageOf(err), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
