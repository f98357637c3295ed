package inbound

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/host"
)

// maxError bounds the text of a channel's last error.
const maxError = 500

// state is how a channel does, over all its sources.
type state struct {
	mu        sync.Mutex
	receiving bool
	since     time.Time
	err       string

	inFlight             atomic.Int64
	done, failed, parked atomic.Uint64
	dropped, opened      atomic.Uint64
}

// set notes that the channel receives, or why it does not.
func (s *state) set(receiving bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiving != receiving || s.since.IsZero() {
		s.receiving, s.since = receiving, now()
	}
	if err != nil {
		text := explain(err)
		s.err = strings.ToValidUTF8(text[:min(len(text), maxError)], "")
	}
}

func (s *state) read() host.ChannelState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return host.ChannelState{
		Receiving: s.receiving, Since: s.since, Error: s.err, InFlight: s.inFlight.Load(),
		Done: s.done.Load(), Failed: s.failed.Load(), Parked: s.parked.Load(),
		Dropped: s.dropped.Load(), Opened: s.opened.Load(),
	}
}

// State returns how a channel does; false if the intake receives nothing for it.
func (i *Intake) State(tenant, name string) (host.ChannelState, bool) {
	i.mu.Lock()
	r := i.channels[key{tenant, name}]
	i.mu.Unlock()
	if r == nil {
		return host.ChannelState{}, false
	}
	return r.state.read(), true
}

// States calls fn with the state of each channel.
func (i *Intake) States(fn func(tenant, name string, s host.ChannelState)) {
	i.mu.Lock()
	all := make(map[key]*state, len(i.channels))
	for k, r := range i.channels {
		all[k] = r.state
	}
	i.mu.Unlock()
	for k, s := range all {
		fn(k.tenant, k.name, s.read())
	}
}
