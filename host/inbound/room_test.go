package inbound_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/inbound"
	"github.com/seraihost/serai/host/telemetry"
)

// many is a source that hands out messages all at once, as one that ignores
// every bound would.
type many struct{ n int }

// Run implements connector.Source.
func (m many) Run(ctx context.Context, deliver connector.Deliver) error {
	done := make(chan struct{}, m.n)
	for i := range m.n {
		go func() {
			_, _ = deliver(ctx, connector.Message{Body: fmt.Append(nil, i)})
			done <- struct{}{}
		}()
	}
	for range m.n {
		<-done
	}
	<-ctx.Done()
	return nil
}

// Close implements connector.Source.
func (many) Close() error { return nil }

// counter is a service that says how many calls of a tenant there are.
type counter struct {
	now, most, calls atomic.Int64
	release          chan struct{}
}

// Invoke implements host.Invoker.
func (c *counter) Invoke(_ context.Context, call *host.Call) (*host.Reply, error) {
	if call.Tenant == "other" {
		return &host.Reply{Status: 200}, nil
	}
	if n := c.now.Add(1); n > c.most.Load() {
		c.most.Store(n)
	}
	<-c.release
	c.now.Add(-1)
	c.calls.Add(1)
	return nil, host.Errorf(abi.TooLarge, "it is too large")
}

// TestTenantsHaveRoomEach has one tenant with more messages than it may have
// in its services, over two channels, and another one that is not held up.
func TestTenantsHaveRoomEach(t *testing.T) {
	t.Parallel()
	w := newWorld()
	kind := connector.DefineSource(connector.SourceSpec[connConfig, queueConfig]{
		Type: "mem", Channel: "mem", Doc: "Memory.", Forgets: func(queueConfig) bool { return false },
		Open: func(context.Context, connConfig, queueConfig, connector.Env) (connector.Source, error) {
			return many{20}, nil
		},
	})
	book := telemetry.NewBook(telemetry.Options{})
	t.Cleanup(func() { _ = book.Close() })
	service := &counter{release: make(chan struct{})}
	i := inbound.New(inbound.Config{
		Catalog: w, Types: []connector.SourceType{kind}, Invoker: func() host.Invoker { return service },
		Book: book, Logger: slog.New(slog.DiscardHandler), Store: w.store, AtOnce: 5,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		i.Run(ctx)
	}()
	a, b, other := channel(quick), channel(quick), channel(quick)
	b.Name, other.Tenant = "b", "other"
	i.Set(t.Context(), []host.Channel{a, b, other})
	until(t, "as many as may be are in the service", func() bool { return service.now.Load() == 5 })
	until(t, "another tenant is not held up", func() bool { s, ok := i.State("other", "in"); return ok && s.Done == 20 })
	until(t, "all messages wait", func() bool { s, _ := i.State("t", "in"); return s.Receiving && s.InFlight == 20 })
	close(service.release)
	until(t, "all have been in the service", func() bool { return service.calls.Load() == 40 })
	if n := service.most.Load(); n != 5 {
		t.Errorf("%d were in the service at a time", n)
	}
	until(t, "all are settled", func() bool { s, _ := i.State("t", "b"); return s.Parked == 20 && s.InFlight == 0 })
	names := map[string]bool{}
	i.States(func(tenant, name string, _ host.ChannelState) { names[tenant+"/"+name] = true })
	if len(names) != 3 {
		t.Errorf("states of %v", names)
	}
	cancel()
	<-ended
}

// TestDeletedChannelEndsBeforeItsSuccessor deletes a channel while its service
// is at work, and makes it anew: the two do not receive at the same time.
func TestDeletedChannelEndsBeforeItsSuccessor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	i, stop := start(t, w)
	began, release := make(chan struct{}), make(chan struct{})
	w.serve = func(_ context.Context, call *host.Call) (*host.Reply, error) {
		if string(call.Body) == "slow" {
			close(began)
			<-release
		}
		return &host.Reply{Status: 200}, nil
	}
	i.Set(t.Context(), []host.Channel{channel(quick)})
	w.queue <- "slow"
	<-began
	i.Set(t.Context(), nil)
	w.queue <- "next"
	i.Set(t.Context(), []host.Channel{channel(quick)})
	if n := get(w, func() int { return len(w.opened) }); n != 1 {
		t.Errorf("it is opened %d times while the first one is at work", n)
	}
	if s, ok := i.State("t", "in"); !ok || s.Receiving {
		t.Errorf("the state is %+v", s)
	}
	close(release)
	until(t, "the next one is dealt with", func() bool { return get(w, func() int { return len(w.settled) }) == 2 })
	stop()
	if got := fmt.Sprint(w.settled); got != "[slow done <nil> next done <nil>]" {
		t.Errorf("settled: %s", got)
	}
}
