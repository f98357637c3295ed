package connectortest

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/inbound"
	"github.com/seraihost/serai/host/telemetry"
)

// consumer is a service that a channel hands messages to, with the host's part
// that runs the channel.
type consumer struct {
	suite SourceSuite
	place string
	addr  string                              // of the server
	serve func(c *consumer, body string) bool // reports whether the service succeeds
	stop  func()                              // twice is as once

	intake  *inbound.Intake
	book    *telemetry.Book
	channel host.Channel

	mu           sync.Mutex
	calls        []*host.Call
	done         map[string]bool // bodies that were dealt with
	now, highest int
}

// probe is the body of messages that tell whether somebody listens.
const probe = "probe"

// receive receives the messages of a place until stop is called or the test
// ends. serve is nil for a service that succeeds.
func (s SourceSuite) receive(t *testing.T, place, channel string, serve func(c *consumer, body string) bool) *consumer {
	t.Helper()
	if serve == nil {
		serve = func(*consumer, string) bool { return true }
	}
	s.Send(t, place) // the place exists
	c := &consumer{suite: s, place: place, addr: s.Server.Addr(), serve: serve, done: map[string]bool{}}
	c.start(t, channel, slog.New(slog.DiscardHandler))
	if s.Lossy {
		c.ready(t)
	}
	return c
}

// Receive has a service that succeeds deal with the messages of a place, as
// the host does, until stop is called or the test ends. seen is how often it
// has had which.
func (s SourceSuite) Receive(t *testing.T, place, channel string) (seen func() map[string]int, stop func()) {
	t.Helper()
	s.stores = map[string]*Store{}
	c := s.receive(t, place, channel, nil)
	return func() map[string]int {
		found := map[string]int{}
		for _, body := range c.bodies() {
			found[body]++
		}
		return found
	}, c.stop
}

// start runs the host's part until stop is called or the test ends.
func (c *consumer) start(t *testing.T, channel string, log *slog.Logger) {
	book := telemetry.NewBook(telemetry.Options{})
	source := c.suite.Source
	intake := inbound.New(inbound.Config{
		Catalog: c, Types: []connector.SourceType{source}, Invoker: func() host.Invoker { return c },
		Book: book, Logger: log, Store: c.suite.store(c.place),
	})
	c.intake, c.book = intake, book
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		intake.Run(ctx)
	}()
	c.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		_ = book.Close()
	})
	t.Cleanup(c.stop)
	c.channel = host.Channel{Tenant: "t", Name: "in", Type: source.Type, Connection: "C", Service: "s", Config: json.RawMessage(channel)}
	intake.Set(ctx, []host.Channel{c.channel})
}

// store returns the host's store of a place's channel, which outlives it.
func (s SourceSuite) store(place string) *Store {
	if s.stores[place] == nil {
		s.stores[place] = new(Store)
	}
	return s.stores[place]
}

// ready waits until the source listens.
func (c *consumer) ready(t *testing.T) {
	t.Helper()
	before := c.count(probe)
	c.until(t, "it listens", func() bool {
		c.suite.Send(t, c.place, probe)
		time.Sleep(20 * time.Millisecond)
		return c.count(probe) > before
	})
}

// Connection implements inbound.Catalog.
func (c *consumer) Connection(context.Context, string, string) (host.Connection, error) {
	return host.Connection{
		Tenant: "t", Name: "C", Type: c.suite.Source.Type, Config: []byte(c.suite.Config(c.addr)), AllowNetworks: loopback,
	}, nil
}

// Secret implements inbound.Catalog.
func (c *consumer) Secret(_ context.Context, _, name string) ([]byte, error) {
	return []byte(c.suite.Secrets[name]), nil
}

// Invoke implements host.Invoker.
func (c *consumer) Invoke(_ context.Context, call *host.Call) (*host.Reply, error) {
	body := string(call.Body)
	c.mu.Lock()
	c.calls = append(c.calls, call)
	c.now++
	c.highest = max(c.highest, c.now)
	c.mu.Unlock()
	ok := body == probe || c.serve(c, body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	if !ok {
		return nil, host.Errorf(abi.Failed, "it is bad")
	}
	c.done[body] = true
	return &host.Reply{Status: 200}, nil
}

// all are the calls so far without probes, in the order in which they began.
func (c *consumer) all() []*host.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.calls), func(call *host.Call) bool { return string(call.Body) == probe })
}

// bodies are those of all.
func (c *consumer) bodies() []string {
	var out []string
	for _, call := range c.all() {
		out = append(out, string(call.Body))
	}
	return out
}

// count is how often the service was tried with a body.
func (c *consumer) count(body string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if string(call.Body) == body {
			n++
		}
	}
	return n
}

func (c *consumer) busy() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *consumer) most() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.highest
}

// await waits until the service has dealt with all these.
func (c *consumer) await(t *testing.T, bodies ...string) {
	t.Helper()
	c.until(t, "all messages are dealt with", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return !slices.ContainsFunc(bodies, func(body string) bool { return !c.done[body] })
	})
}

// until waits for longer than a pause between two attempts to connect.
func (c *consumer) until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not happen that %s; the service was tried with %.2000q", what, c.bodies())
		}
	}
}

// with adds settings to a configuration.
func with(t *testing.T, config, more string) string {
	t.Helper()
	merged := parsed(t, config)
	maps.Copy(merged, parsed(t, more))
	text, err := json.Marshal(merged)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
