package connectortest

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// parked is about what operators do with what was put aside: they look at it,
// give it back and drop it.
func (s SourceSuite) parked(t *testing.T) {
	var repaired atomic.Bool
	c := s.receive(t, "parked", with(t, s.Channel("parked"), `{"attempts": 2, "backoff": "1ms", "max_backoff": "2ms"}`), func(_ *consumer, body string) bool {
		return !strings.HasPrefix(body, "bad") || repaired.Load()
	})
	s.Send(t, "parked", "bad one", "good", "bad two")
	c.await(t, "good")
	c.until(t, "two are parked", func() bool { return len(c.parked(t)) == 2 })
	all, err := c.intake.Parked(t.Context(), c.channel, 10)
	if err != nil || len(all) != 2 || all[0].ID == all[1].ID {
		t.Fatalf("%+v %v", all, err)
	}
	slices.SortFunc(all, func(a, b host.ParkedMessage) int { return strings.Compare(a.Body, b.Body) })
	for i, want := range []string{"bad one", "bad two"} {
		if m := all[i]; m.Body != want || m.Size != len(want) || !strings.Contains(m.Reason, "after 2 attempts: it is bad") {
			t.Errorf("%q is parked as %+v", want, m)
		}
	}
	if some, err := c.intake.Parked(t.Context(), c.channel, 1); len(some) != 1 || err != nil {
		t.Errorf("of one: %+v %v", some, err)
	}
	settle := func(id string, retry bool, want int) {
		t.Helper()
		n, err := c.intake.Settle(t.Context(), c.channel, id, retry)
		if n != want || host.CodeOf(err) != abi.OK && (want > 0 || host.CodeOf(err) != abi.NotFound) {
			t.Errorf("settled %d: %v, want %d", n, err, want)
		}
	}
	settle("none", true, 0)
	settle("none", false, 0)
	// It is parked again, with the other one.
	before := c.count("bad one")
	settle(all[0].ID, true, 1)
	c.until(t, "it is tried again", func() bool { return c.count("bad one") == before+2 })
	c.until(t, "it is parked again", func() bool { return len(c.parked(t)) == 2 })
	repaired.Store(true)
	settle("", true, 2)
	c.await(t, "bad one", "bad two")
	c.until(t, "nothing is parked", func() bool { return len(c.parked(t)) == 0 })
	settle(all[0].ID, true, 0)
	repaired.Store(false)
	s.Send(t, "parked", "bad three", "bad four")
	c.until(t, "two more are parked", func() bool { return len(c.parked(t)) == 2 })
	settle("", false, 2)
	if left := c.parked(t); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
	c.stop()
}

// interrupted is about a channel that stops while a message waits for another
// attempt: it comes again when the channel starts, once.
func (s SourceSuite) interrupted(t *testing.T) {
	channel := with(t, s.Channel("interrupted"), `{"attempts": 100, "backoff": "5m", "max_backoff": "5m"}`)
	c := s.receive(t, "interrupted", channel, func(_ *consumer, body string) bool { return body != "fails" })
	s.Send(t, "interrupted", "fails")
	c.until(t, "it is tried", func() bool { return c.count("fails") == 1 })
	c.stop()
	if c.count("fails") != 1 {
		t.Error("it is tried again although it has to wait")
	}
	c = s.receive(t, "interrupted", channel, nil)
	c.await(t, "fails")
	s.Send(t, "interrupted", "next")
	c.await(t, "next")
	c.stop()
	if n := c.count("fails"); n != 1 {
		t.Errorf("it comes %d times again", n)
	}
}

// parked are the bodies of what the channel has put aside.
func (c *consumer) parked(t *testing.T) (bodies []string) {
	t.Helper()
	all, err := c.intake.Parked(t.Context(), c.channel, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		bodies = append(bodies, m.Body)
	}
	return bodies
}
