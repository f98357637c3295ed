package connectortest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
)

// SourceSuite is a kind of source, a server for it, and how messages get there.
type SourceSuite struct {
	Source connector.SourceType
	Server Server
	// Config returns the connection's configuration for a server at an address.
	Config func(addr string) string
	// Secrets are those that the configuration refers to.
	Secrets map[string]string
	// Channel returns a channel's configuration for a place: a queue, a
	// stream, a topic. It has at most Most messages in flight, and leaves out
	// what [connector.Redelivery] says.
	Channel func(place string) string
	// Most is how many messages Channel has in flight.
	Most int
	// Ordered is Channel with what keeps the messages in their order.
	Ordered func(place string) string
	// Send puts messages into a place, in order, and makes it if there is
	// none. When it returns, the server has them, on its disk if it has one,
	// and Send holds nothing any more.
	Send func(t *testing.T, place string, bodies ...string)
	// Parked takes out what was parked of a place, at most once each, as
	// somebody who looks at the system. It is nil if the system forgets what
	// it has handed out, so that the host keeps what is parked.
	Parked func(t *testing.T, place string) []string
	// Lossy says that the system forgets what nobody listens to, as one that
	// publishes and subscribes does: then nothing is delivered twice.
	Lossy bool
	// Text says that messages are text that is not empty.
	Text bool
	// Longest is how many bytes a message may have; 0 is 100 KiB.
	Longest int

	stores map[string]*Store // by place
}

// RunSource tests a kind of source as the host runs it, with a service that
// succeeds, fails, is slow and is interrupted, and with a server that goes away.
func RunSource(t *testing.T, s SourceSuite) {
	s.stores = map[string]*Store{}
	t.Run("configuration", func(t *testing.T) {
		settings{s.Source.Type, s.Source.Config, s.Channel("p"), s.Source.Validate}.check(t)
	})
	t.Run("delivers", s.delivers)
	t.Run("fails", s.fails)
	t.Run("parked", s.parked)
	t.Run("interrupted", s.interrupted)
	t.Run("changed", s.changed)
	t.Run("order", s.order)
	t.Run("bound", s.bound)
	t.Run("stop", s.stop)
	t.Run("close", s.closing)
	t.Run("silent", s.silent)
	t.Run("discreet", s.discreet)
	t.Run("strangers", s.strangers)
	t.Run("restart", s.restart)
	t.Run("frozen", s.frozen)
}

// delivers is about bodies and fields, and about messages that a service has
// dealt with: they do not come again.
func (s SourceSuite) delivers(t *testing.T) {
	bodies := []string{"tea", strings.Repeat("x", cmp.Or(s.Longest, 100<<10)), "\u20ac 5", "last"}
	if !s.Text {
		bodies = append(bodies, "", "\x00\xff\xfe not UTF-8")
	}
	before := held()
	c := s.receive(t, "delivers", s.Channel("delivers"), nil)
	s.Send(t, "delivers", bodies...)
	c.await(t, bodies...)
	c.stop()
	nothingSince(t, before)
	for _, call := range c.all() {
		if call.Channel != s.Source.Channel || call.Tenant != "t" || call.Service != "s" || call.Envelope.Get(abi.FieldChannelName) != "in" {
			t.Errorf("the call is %+v", call)
		}
		for _, f := range call.Envelope {
			name, of := strings.CutPrefix(f.Name, abi.PrefixMessage)
			if of && !slices.ContainsFunc(s.Source.Message, func(m connector.Field) bool { return m.Name == name }) {
				t.Errorf("the field %s is not described", f.Name)
			}
		}
	}
	c = s.receive(t, "delivers", s.Channel("delivers"), nil)
	s.Send(t, "delivers", "another")
	c.await(t, "another")
	c.stop()
	for _, body := range c.bodies() {
		if body != "another" {
			t.Errorf("%.20q comes again", body)
		}
	}
}

// fails is about services that fail: once, and for ever.
func (s SourceSuite) fails(t *testing.T) {
	c := s.receive(t, "fails", with(t, s.Channel("fails"), `{"attempts": 3, "backoff": "1ms", "max_backoff": "5ms"}`), func(c *consumer, body string) bool {
		return body == "good" || body == "after" || body == "once" && c.count(body) > 1
	})
	s.Send(t, "fails", "good", "once", "always", "after")
	c.await(t, "good", "once", "after")
	c.until(t, "what fails is tried three times", func() bool { return c.count("always") >= 3 })
	var parked []string
	c.until(t, "what fails is parked", func() bool {
		if s.Parked != nil {
			parked = append(parked, s.Parked(t, "fails")...)
		} else {
			parked = c.parked(t)
		}
		return len(parked) > 0
	})
	if !slices.Equal(parked, []string{"always"}) {
		t.Errorf("parked: %q", parked)
	}
	c.stop()
	if n := c.count("always"); n != 3 {
		t.Errorf("it is tried %d times", n)
	}
	if n := c.count("good"); n != 1 {
		t.Errorf("what succeeds is tried %d times", n)
	}
}

// order is about a message that fails twice while others wait behind it.
func (s SourceSuite) order(t *testing.T) {
	if s.Ordered == nil {
		return
	}
	c := s.receive(t, "order", with(t, s.Ordered("order"), `{"backoff": "1ms", "max_backoff": "5ms"}`), func(c *consumer, body string) bool {
		return body != "m07" || c.count(body) > 2
	})
	want := numbered(40)
	s.Send(t, "order", want...)
	c.await(t, want...)
	c.stop()
	got := slices.Compact(c.bodies())
	if !slices.Equal(got, want) {
		t.Errorf("the order is %q", got)
	}
}
