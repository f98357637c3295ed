package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// codes is the number of codes that are counted by themselves.
const codes = int(abi.Internal) + 1

// record is what happened on a connection. The slot's lock guards it.
type record struct {
	since     time.Time // that it is as it is
	opens     uint64
	successes uint64 // operations that ended well
	failures  uint64
	failure   error // the last one of opening or finding the system down
	failedAt  time.Time
	pings     [2]uint64 // that were answered, and those that were not
	kind      string    // type that ops are of
	ops       []*[codes]uint64
	durations [len(host.DurationBounds) + 1]uint64 // by bound; the last has none
	seconds   float64
}

// began notes that the connection was opened. The slot is locked.
func (s *slot) began() {
	s.opens++
	s.since = time.Now()
}

// failed notes what went wrong. The slot is locked.
func (s *slot) failed(err error) {
	if s.failure == nil || s.live != nil {
		s.since = time.Now()
	}
	s.failure, s.failedAt = err, time.Now()
}

// pinged counts a ping. The slot is locked.
func (s *slot) pinged(err error) {
	if err == nil {
		s.pings[0]++
		s.failure = nil
		return
	}
	s.pings[1]++
	s.failed(err)
}

// count counts an operation that ended.
func (s *slot) count(op *operation, code abi.Code, took time.Duration) {
	if !code.Valid() {
		code = abi.Internal
	}
	bucket, _ := slices.BinarySearch(host.DurationBounds[:], took)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kind != op.kind {
		s.kind, s.ops = op.kind, make([]*[codes]uint64, op.total)
	}
	if s.ops[op.index] == nil {
		s.ops[op.index] = new([codes]uint64)
	}
	s.ops[op.index][code]++
	s.durations[bucket]++
	s.seconds += took.Seconds()
	if code == abi.OK {
		s.successes++
	} else {
		s.failures++
	}
}

// state returns what is to be seen of the connection from outside.
func (s *slot) state() host.ConnectionState {
	b := s.share.budget
	b.mu.Lock()
	inFlight, waiting := s.share.ops, len(s.share.waiters)
	b.mu.Unlock()
	s.mu.Lock()
	now := time.Now()
	out := host.ConnectionState{
		State: host.ConnectionIdle, Since: s.since, InFlight: inFlight, Waiting: waiting,
		Operations: s.successes + s.failures, Failures: s.failures, Opened: s.opens,
	}
	failure, r := s.failure, s.redact
	if s.breaker.pauses > 0 {
		failure = cmp.Or(s.breaker.failure, failure)
	}
	switch {
	case s.breaker.resting(now):
		out.State, out.RetryAt = host.ConnectionResting, s.breaker.until
	case s.breaker.pauses > 0:
		out.State = host.ConnectionFailed
	case s.live != nil:
		out.State = host.ConnectionOpen
	case s.opening != nil:
		out.State = host.ConnectionOpening
	case failure != nil:
		out.State = host.ConnectionFailed
	}
	out.FailedAt = s.failedAt
	s.mu.Unlock()
	if failure != nil {
		out.LastError = explained(nil, quote(s.key.name), r, failure).Message
	}
	return out
}

// State returns what has become of a connection; one that was not used is idle.
func (p *Pool) State(tenant, name string) host.ConnectionState {
	p.mu.RLock()
	s := p.slots[key{tenant, name}]
	p.mu.RUnlock()
	if s == nil {
		return host.ConnectionState{State: host.ConnectionIdle}
	}
	return s.state()
}

// Measure calls fn with the counts of each connection that was used.
func (p *Pool) Measure(fn func(host.ConnectionStats)) {
	p.mu.RLock()
	all := make([]*slot, 0, len(p.slots))
	for _, s := range p.slots {
		all = append(all, s)
	}
	p.mu.RUnlock()
	for _, s := range all {
		if stats, ok := s.stats(); ok {
			fn(stats)
		}
	}
}

// stats returns the counts, if anything was counted.
func (s *slot) stats() (host.ConnectionStats, bool) {
	out := host.ConnectionStats{Tenant: s.key.tenant, Name: s.key.name, ConnectionState: s.state()}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Type, out.Open = s.kind, s.live != nil
	if s.live != nil {
		out.Type = s.live.Record.Type
	}
	out.Pings, out.PingFailures = s.pings[0], s.pings[1]
	out.Durations, out.Seconds = s.durations, s.seconds
	for i, counts := range s.ops {
		if counts == nil {
			continue
		}
		name := s.pool.types[s.kind].Ops[i].Name
		for code, n := range counts {
			if n > 0 {
				out.Ops = append(out.Ops, host.OperationCount{Op: name, Code: abi.Code(code), Count: n})
			}
		}
	}
	return out, out.Type != ""
}
