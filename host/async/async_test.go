package async

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/invoke"
	"github.com/seraihost/serai/host/telemetry"
	"github.com/seraihost/serai/storage/badger"
)

// queue is a host.Queue whose messages the test takes out itself.
type queue struct {
	mu       sync.Mutex
	messages [][]byte
	ids      map[string]bool
	backlog  host.Backlog
	refuse   error
}

func (q *queue) Publish(_ context.Context, id string, m []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		return q.refuse
	}
	if id != "" && q.ids[id] {
		return nil
	}
	q.ids[id] = true
	q.messages = append(q.messages, m)
	return nil
}

func (q *queue) Consume(ctx context.Context, _ func(context.Context, []byte) error) error {
	<-ctx.Done()
	return nil
}

func (q *queue) Backlog(context.Context) (host.Backlog, error) { return q.backlog, nil }

// forget loses the ids of messages, as time does.
func (q *queue) forget() { q.ids = map[string]bool{} }

func (q *queue) Queue(string) (host.Queue, error) { return q, nil }
func (q *queue) Names(context.Context) ([]string, error) {
	return []string{"invoke/t", "invoke/gone"}, nil
}
func (q *queue) Remove(_ context.Context, n string) error { q.ids["removed "+n] = true; return nil }

// stub is the tenant t with services that answer by their names.
type stub struct {
	mu    sync.Mutex
	calls []*host.Call
	fail  map[string]error
}

func (s *stub) Tenant(_ context.Context, name string) (host.Tenant, error) {
	if name != "t" {
		return host.Tenant{}, host.Errorf(abi.NotFound, "no tenant %q", name)
	}
	return host.Tenant{Name: name, Created: time.Unix(1000, 0)}, nil
}

func (s *stub) Service(_ context.Context, _, name string) (host.Service, error) {
	if strings.HasPrefix(name, "none") || strings.HasSuffix(name, "-async-callback") {
		return host.Service{}, host.Errorf(abi.NotFound, "no service %q", name)
	}
	return host.Service{Name: name}, nil
}

func (s *stub) Invoke(_ context.Context, c *host.Call) (*host.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	if err := s.fail[c.Service]; err != nil {
		return nil, err
	}
	return &host.Reply{Status: 200, Body: []byte(`"` + c.Service + `"`), Headers: []abi.Field{{Name: "content-type", Value: "application/json"}}}, nil
}

func (s *stub) called(service string) (n int) {
	for _, c := range s.calls {
		if c.Service == service {
			n++
		}
	}
	return n
}

func start(t *testing.T) (*Courier, *queue, *stub) {
	t.Helper()
	store, err := badger.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	book := telemetry.NewBook(telemetry.Options{})
	t.Cleanup(func() {
		if err := errors.Join(store.Close(), book.Close()); err != nil {
			t.Error(err)
		}
	})
	q, s := &queue{ids: map[string]bool{}}, &stub{fail: map[string]error{}}
	return New(Config{
		Queues: q, Store: store, Catalog: s, Book: book, Logger: slog.New(slog.DiscardHandler),
		Invoker: func() host.Invoker { return s },
	}), q, s
}

func request(op string, body string, fields ...string) *connector.Request {
	r := &connector.Request{Scope: connector.Scope{Tenant: "t", Service: "from", Limits: host.DefaultLimits()}, Body: []byte(body)}
	r.Envelope.Add(abi.FieldOp, op)
	for i := 0; i < len(fields); i += 2 {
		r.Envelope.Add(fields[i], fields[i+1])
	}
	return r
}

func do(t *testing.T, c *Courier, r *connector.Request) error {
	t.Helper()
	_, err := connector.NewRegistry(connector.Builtins(invoke.Connector(invoke.Services{Later: c}))...).Do(t.Context(), r)
	return err
}

// drain handles all messages, each as often as redelivery has it come.
func drain(t *testing.T, c *Courier, q *queue, times int) {
	t.Helper()
	for len(q.messages) > 0 {
		m := q.messages[0]
		q.messages = q.messages[1:]
		for range times {
			if err := c.handle(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A group has one final callback, in whatever order and how often its messages
// come, and even if the queue has forgotten which ones it had.
func TestOneFinalCallback(t *testing.T) {
	t.Parallel()
	group := []string{
		"service", "a", "content-type", "", "size", "0", "service", "b", "content-type", "text/plain", "size", "2",
		"service", "c", "content-type", "", "size", "0", "on-final", "final", "on-target", "each",
	}
	for _, forgets := range []bool{false, true} {
		c, q, s := start(t)
		s.fail["c"] = &host.Error{Code: abi.Failed, Message: "the service failed", Detail: &host.GuestFailure{Type: "ValueError", Message: "no"}}
		if err := do(t, c, request(abi.OpInvokeGroup, "xy", group...)); err != nil {
			t.Fatal(err)
		}
		var handled [][]byte
		for len(q.messages) > 0 {
			m := q.messages[0]
			q.messages = q.messages[1:]
			handled = append(handled, m)
			for range 2 {
				if err := c.handle(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				if forgets {
					q.forget()
				}
			}
		}
		for _, m := range slices.Backward(handled) { // the crash was before all acknowledgements
			if err := c.handle(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.called("final"); n != 1 {
			t.Errorf("forgets %v: %d final callbacks", forgets, n)
		}
		for _, target := range []string{"a", "b", "c"} {
			if n := s.called(target); n != 1 {
				t.Errorf("forgets %v: target %s was called %d times", forgets, target, n)
			}
		}
		for _, call := range s.calls {
			if call.Service != "final" {
				continue
			}
			var got struct {
				OK   bool
				Data map[string]outcome
			}
			if err := json.Unmarshal(call.Body, &got); err != nil {
				t.Fatal(err)
			}
			why := got.Data["c"].Exception
			if got.OK || len(got.Data) != 3 || string(got.Data["b"].Response) != `"b"` || why == nil || *why != "ValueError: no" {
				t.Errorf("the final callback got %s", call.Body)
			}
		}
	}
}

// What a host cannot do now comes again, and nothing follows from it before.
func TestHostFailures(t *testing.T) {
	t.Parallel()
	c, q, s := start(t)
	if err := do(t, c, request(abi.OpInvokeAsync, "", "service", "a", "callback", "b")); err != nil {
		t.Fatal(err)
	}
	m := q.messages[0]
	q.messages = nil
	for _, code := range []abi.Code{abi.Unavailable, abi.Cancelled, abi.Internal} {
		s.fail["a"] = host.Errorf(code, "not now")
		if err := c.handle(t.Context(), m); host.CodeOf(err) != code {
			t.Errorf("%v: %v", code, err)
		}
	}
	delete(s.fail, "a")
	q.refuse = errors.New("the disk is full")
	if err := c.handle(t.Context(), m); !errors.Is(err, q.refuse) {
		t.Errorf("a callback that cannot be published: %v", err)
	}
	if len(q.messages) != 0 {
		t.Errorf("%d messages follow", len(q.messages))
	}
	q.refuse = nil
	if err := c.handle(t.Context(), m); err != nil || len(q.messages) != 1 {
		t.Errorf("%v, %d messages follow", err, len(q.messages))
	}
	for _, raw := range []string{"", "{", `{"tenant": "gone"}`, `{"tenant": "t", "sent": "1970-01-01T00:00:00Z"}`} {
		if err := c.handle(t.Context(), []byte(raw)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// A call that is not due is given back for the rest of its time, an hour at most.
func TestNotDue(t *testing.T) {
	t.Parallel()
	c, q, s := start(t)
	now := time.Now()
	c.now = func() time.Time { return now }
	if err := do(t, c, request(abi.OpInvokeAsync, "", "service", "a", "delay", "5400000", "job-name", "j")); err != nil {
		t.Fatal(err)
	}
	var rests []time.Duration
	for range 3 {
		err := c.handle(t.Context(), q.messages[0])
		later, ok := errors.AsType[*host.LaterError](err)
		if !ok {
			break
		}
		rests = append(rests, later.After)
		now = now.Add(later.After)
	}
	if diff := cmp.Diff([]time.Duration{time.Hour, 30 * time.Minute}, rests); diff != "" || s.called("a") != 1 {
		t.Error(diff, s.called("a"))
	}
	if call := s.calls[0]; call.Channel != abi.ChannelScheduler || call.Depth != 0 {
		t.Errorf("%+v", call)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	c, q, _ := start(t)
	for _, b := range []host.Backlog{{Messages: maxWaiting}, {Bytes: maxWaitingBytes}} {
		q.backlog = b
		if err := do(t, c, request(abi.OpInvokeAsync, "", "service", "a")); host.CodeOf(err) != abi.Limit {
			t.Errorf("%+v: %v", b, err)
		}
	}
	q.backlog = host.Backlog{}
	deep := request(abi.OpInvokeAsync, "", "service", "a")
	deep.Scope.Depth = deep.Scope.Limits.InvokeDepth
	if err := do(t, c, deep); host.CodeOf(err) != abi.Limit {
		t.Errorf("too deep: %v", err)
	}
	narrow := request(abi.OpInvokeAsync, "", "service", "a", "callback", "b")
	narrow.Scope.Grants.Services = &[]string{"a"}
	if err := do(t, c, narrow); host.CodeOf(err) != abi.Denied {
		t.Errorf("a callback without a grant: %v", err)
	}
	var many []string
	for i := range invoke.MaxTargets + 1 {
		many = append(many, "service", fmt.Sprint("s", i), "content-type", "", "size", "0")
	}
	if err := do(t, c, request(abi.OpInvokeGroup, "", many...)); host.CodeOf(err) != abi.Invalid {
		t.Errorf("too many targets: %v", err)
	}
	if err := do(t, c, request(abi.OpInvokeGroup, "", many[6:]...)); err != nil {
		t.Error(err)
	}
	q.backlog.Messages = 2 * maxWaiting
	if _, ok := errors.AsType[*host.LaterError](c.handle(t.Context(), q.messages[0])); !ok {
		t.Error("a group that does not fit is let in")
	}
}

// Retries end, one after the other, with an outcome.
func TestRetries(t *testing.T) {
	t.Parallel()
	c, q, s := start(t)
	s.fail["a"] = host.Errorf(abi.Failed, "no")
	err := do(t, c, request(abi.OpInvokeAsync, "", "service", "a", "retry-times", "3", "retry-every", "0", "context", `{"x":1}`, "callback", "b"))
	if err != nil {
		t.Fatal(err)
	}
	drain(t, c, q, 1)
	if s.called("a") != 4 || s.called("b") != 1 || !strings.Contains(string(s.calls[4].Body), `"context":{"x":1}`) {
		t.Errorf("%d calls, %d callbacks: %s", s.called("a"), s.called("b"), s.calls[len(s.calls)-1].Body)
	}
}

// Deliver drops the queues of tenants that are gone.
func TestDeliver(t *testing.T) {
	t.Parallel()
	c, q, _ := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Deliver(ctx); err != nil {
		t.Fatal(err)
	}
	if !q.ids["removed invoke/gone"] || q.ids["removed invoke/t"] {
		t.Errorf("removed: %v", q.ids)
	}
	if err := c.Forget(t.Context(), "t"); err != nil || !q.ids["removed invoke/t"] {
		t.Errorf("forgetting a tenant: %v", err)
	}
}
