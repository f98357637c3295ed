package connectortest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// bound is about a service that is slow while many messages wait.
func (s SourceSuite) bound(t *testing.T) {
	release := make(chan struct{})
	c := s.receive(t, "bound", s.Channel("bound"), func(*consumer, string) bool {
		<-release
		return true
	})
	all := numbered(3*s.Most + 5)
	s.Send(t, "bound", all...)
	c.until(t, "as many are in the service as may be", func() bool { return c.busy() >= s.Most })
	time.Sleep(50 * time.Millisecond) // one too many would come now
	close(release)
	c.await(t, all...)
	c.stop()
	if n := c.most(); n > s.Most {
		t.Errorf("%d messages were in flight, %d may be", n, s.Most)
	}
}

// stop is about a host that stops while the service is at work: it waits, and
// the message is dealt with.
func (s SourceSuite) stop(t *testing.T) {
	before := held()
	release := make(chan struct{})
	c := s.receive(t, "stop", s.Channel("stop"), func(*consumer, string) bool {
		<-release
		return true
	})
	s.Send(t, "stop", "slow")
	c.until(t, "the service is at work", func() bool { return c.busy() == 1 })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.stop()
	}()
	select {
	case <-ended:
		t.Error("it stops while the service is at work")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	within(t, "it stops after the service has ended", ended)
	nothingSince(t, before)
	c = s.receive(t, "stop", s.Channel("stop"), nil)
	s.Send(t, "stop", "next")
	c.await(t, "next")
	c.stop()
	if c.count("slow") > 0 {
		t.Error("what was dealt with while the host stopped comes again")
	}
}

// changed is about settings that change while messages are received: none is
// lost, and the new settings hold.
func (s SourceSuite) changed(t *testing.T) {
	if s.Ordered == nil {
		return
	}
	c := s.receive(t, "changed", s.Channel("changed"), func(*consumer, string) bool {
		time.Sleep(time.Millisecond)
		return true
	})
	all := numbered(100)
	s.Send(t, "changed", all...)
	c.until(t, "some have come", func() bool { return len(c.bodies()) > 10 })
	next := c.channel
	next.Config = json.RawMessage(with(t, s.Ordered("changed"), `{"attempts": 7}`)) // one at a time
	c.intake.Set(t.Context(), []host.Channel{next})
	c.until(t, "it has connected anew", func() bool {
		state, _ := c.intake.State("t", "in")
		return state.Receiving && state.Opened == 2
	})
	c.mu.Lock()
	c.highest = 0
	c.mu.Unlock()
	if s.Lossy {
		c.ready(t)
		all = nil
	}
	more := numbered(150)[100:]
	s.Send(t, "changed", more...)
	c.await(t, append(all, more...)...)
	c.stop()
	if n := c.most(); n != 1 {
		t.Errorf("%d messages were in flight after the change", n)
	}
	for _, body := range more {
		if n := c.count(body); n != 1 {
			t.Errorf("%s comes %d times", body, n)
		}
	}
}

// restart is about a server that goes away while messages are in the service,
// and comes back: no message is lost, and others follow.
func (s SourceSuite) restart(t *testing.T) {
	c := s.receive(t, "restart", s.Channel("restart"), func(*consumer, string) bool {
		time.Sleep(2 * time.Millisecond)
		return true
	})
	all := numbered(200)
	s.Send(t, "restart", all...)
	c.until(t, "some have come", func() bool { return len(c.bodies()) > 20 })
	s.Server.Stop()
	s.Server.Start()
	if s.Lossy {
		c.ready(t)
		all = nil
	}
	s.Send(t, "restart", "after")
	c.await(t, append(all, "after")...)
	c.stop()
}

// frozen is about a server that says nothing any more: a host stops all the
// same, and what it was not told of is not lost.
func (s SourceSuite) frozen(t *testing.T) {
	before := held()
	entered := make(chan struct{}, 100)
	release := make(chan struct{})
	c := s.receive(t, "frozen", s.Channel("frozen"), func(*consumer, string) bool {
		entered <- struct{}{}
		<-release
		return true
	})
	all := numbered(20)
	s.Send(t, "frozen", all...)
	<-entered
	s.Server.Freeze()
	thawed := false
	defer func() {
		if !thawed {
			s.Server.Thaw()
		}
	}()
	close(release)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.stop()
	}()
	within(t, "it stops while the server is frozen", ended)
	nothingSince(t, before)
	s.Server.Thaw()
	thawed = true
	if s.Lossy {
		return
	}
	other := s.receive(t, "frozen", s.Channel("frozen"), nil)
	s.Send(t, "frozen", "after")
	other.until(t, "each message has come to one of the two", func() bool {
		seen := append(c.bodies(), other.bodies()...)
		return !slices.ContainsFunc(append(all, "after"), func(body string) bool { return !slices.Contains(seen, body) })
	})
	other.stop()
}

// closing is about a source that is opened, and closed twice without having run.
func (s SourceSuite) closing(t *testing.T) {
	s.Send(t, "close", "x")
	before := held()
	source, err := s.open(t.Context(), s.Server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
	nothingSince(t, before)
}

// silent is about a server that accepts and says nothing.
func (s SourceSuite) silent(t *testing.T) {
	s.gives(t, StartStub(t, silent).Addr())
}

// strangers is about servers that are something else. A source that speaks to
// one may come up, but does not stay up.
func (s SourceSuite) strangers(t *testing.T) {
	eachStranger(t, nil, func(t *testing.T, ctx context.Context, addr string) error {
		source, err := s.open(ctx, addr)
		if err != nil {
			return err
		}
		defer source.Close()
		return source.Run(ctx, func(context.Context, connector.Message) (connector.Disposition, error) {
			return connector.Again, nil
		})
	})
}

// gives checks that whoever opens a source gives up when they want to.
func (s SourceSuite) gives(t *testing.T, addr string) {
	t.Helper()
	before := held()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		source, err := s.open(ctx, addr)
		if err == nil {
			err = source.Run(ctx, nil)
			_ = source.Close()
			if err == nil {
				err = ctx.Err()
			}
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it takes a server for its own that says nothing")
		}
	case <-time.After(patience):
		t.Fatal("opening it does not end with its context")
	}
	nothingSince(t, before)
}

// open opens a source without the host.
func (s SourceSuite) open(ctx context.Context, addr string) (connector.Source, error) {
	source, _, err := s.Source.Open(ctx, []byte(s.Config(addr)), []byte(s.Channel("close")), func(name string) (string, error) {
		return s.Secrets[name], nil
	}, connector.Env{Tenant: "t", Name: "C", Dial: new(net.Dialer).DialContext, Log: slog.New(slog.DiscardHandler)})
	return source, err
}

func within(t *testing.T, what string, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatalf("it does not happen that %s", what)
	}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("m%02d", i)
	}
	return out
}
