package inbound_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/inbound"
)

// forgetful is a world whose system forgets what it has handed out, with a
// service that fails with all that begins with "bad".
func forgetful() *world {
	w := newWorld()
	w.forgets = true
	w.serve = func(_ context.Context, call *host.Call) (*host.Reply, error) {
		if strings.HasPrefix(string(call.Body), "bad") {
			return nil, host.Errorf(abi.Failed, "it is bad")
		}
		return &host.Reply{Status: 200}, nil
	}
	return w
}

func parked(t *testing.T, i *inbound.Intake, c host.Channel) []host.ParkedMessage {
	t.Helper()
	all, err := i.Parked(t.Context(), c, inbound.MaxListed)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestShelf(t *testing.T) {
	t.Parallel()
	w := forgetful()
	i, stop := start(t, w)
	c := channel(quick)
	c.Name = "a channel/\x00 of a long name"
	other := channel(quick)
	other.Tenant = "u"
	i.Set(t.Context(), []host.Channel{c})
	w.queue <- "bad one"
	w.queue <- "bad two"
	until(t, "two are parked", func() bool { return len(parked(t, i, c)) == 2 })
	all := parked(t, i, c)
	if m := all[0]; m.Body != "bad one" || m.Size != 7 || m.Reason != "after 3 attempts: it is bad" || all[1].Body != "bad two" {
		t.Errorf("%+v", all)
	}
	if s, _ := i.State("t", c.Name); s.Parked != 2 || s.Dropped != 0 {
		t.Errorf("the state is %+v", s)
	}
	// While the channel is disabled, a message may be given back, and waits.
	disabled := c
	disabled.Disabled = true
	i.Set(t.Context(), []host.Channel{disabled, other})
	until(t, "it does not receive", func() bool { _, ok := i.State("t", c.Name); return !ok })
	if n, err := i.Settle(t.Context(), c, all[1].ID, true); n != 1 || err != nil {
		t.Errorf("gave back %d: %v", n, err)
	}
	for _, id := range []string{all[1].ID, "none", "\x00"} {
		if _, err := i.Settle(t.Context(), c, id, false); host.CodeOf(err) != abi.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	w.mu.Lock()
	w.serve = ok
	w.mu.Unlock()
	calls := get(w, func() int { return len(w.calls) })
	stop()
	i, _ = start(t, w) // another host, with the same store
	i.Set(t.Context(), []host.Channel{c, other})
	until(t, "it comes again", func() bool { return get(w, func() int { return len(w.calls) }) > calls })
	if got := get(w, func() string { return w.calls[calls] }); got != "bad two" {
		t.Errorf("%q comes again", got)
	}
	if left := parked(t, i, c); len(left) != 1 || left[0].Body != "bad one" {
		t.Errorf("%+v are left", left)
	}
	if len(parked(t, i, other)) != 0 {
		t.Error("another tenant sees them")
	}
	until(t, "it is dealt with", func() bool { s, _ := i.State("t", c.Name); return s.Done == 1 && s.InFlight == 0 })
	// What a deleted channel has put aside goes with it.
	i.Set(t.Context(), []host.Channel{other})
	until(t, "nothing is left", func() bool { return len(w.store.Keys("inbound/")) == 0 })
}

// TestShelfIsBounded fills it: what comes then is lost, which is counted, and
// there is room again when something is dropped.
func TestShelfIsBounded(t *testing.T) {
	t.Parallel()
	w := forgetful()
	w.aside = 5000
	i, _ := start(t, w)
	c, neighbour := channel(quick), channel(quick)
	neighbour.Name = "neighbour"
	i.Set(t.Context(), []host.Channel{c, neighbour})
	large := "bad " + strings.Repeat("x", 1100)
	for range 4 {
		w.queue <- large
	}
	until(t, "four are parked", func() bool { return len(parked(t, i, c))+len(parked(t, i, neighbour)) == 4 })
	w.queue <- large
	state := func() (out host.ChannelState) {
		for _, name := range []string{c.Name, neighbour.Name} {
			s, _ := i.State("t", name)
			out.Parked, out.Dropped = out.Parked+s.Parked, out.Dropped+s.Dropped
		}
		return out
	}
	until(t, "there is no room", func() bool { return state().Dropped == 1 })
	for _, c := range []host.Channel{c, neighbour} {
		if _, err := i.Settle(t.Context(), c, "", false); err != nil {
			t.Error(err)
		}
	}
	w.queue <- large
	until(t, "there is room again", func() bool { return len(parked(t, i, c))+len(parked(t, i, neighbour)) == 1 })
	if s := state(); s.Dropped != 1 {
		t.Errorf("the state is %+v", s)
	}
}

// TestShelfSettlesManySteps has more messages than one step changes.
func TestShelfSettlesManySteps(t *testing.T) {
	t.Parallel()
	w := forgetful()
	i, _ := start(t, w)
	c := channel(strings.Replace(quick, `"attempts": 3`, `"attempts": 1`, 1))
	i.Set(t.Context(), []host.Channel{c})
	const many = 520
	go func() {
		for n := range many {
			w.queue <- fmt.Sprintf("bad %03d", n)
		}
	}()
	until(t, "all are parked", func() bool { return len(parked(t, i, c)) == many })
	for n, m := range parked(t, i, c) {
		if m.Body != fmt.Sprintf("bad %03d", n) {
			t.Fatalf("the order is wrong at %d: %s", n, m.Body)
		}
	}
	w.mu.Lock()
	w.serve = ok
	w.mu.Unlock()
	if n, err := i.Settle(t.Context(), c, "", true); n != many || err != nil {
		t.Errorf("gave back %d: %v", n, err)
	}
	until(t, "all are dealt with", func() bool { s, _ := i.State("t", "in"); return s.Done == many && len(w.store.Keys("inbound/")) == 0 })
}
