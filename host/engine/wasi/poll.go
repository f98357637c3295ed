package wasi

import (
	"encoding/binary"
	"math"
	"time"
)

// Tags of a $subscription and types of an $event.
const (
	clockEvent = 0
	readEvent  = 1
	writeEvent = 2
)

// maxSubscriptions bounds what one poll waits for.
const maxSubscriptions = 1024

// absoluteTime in the flags of a clock subscription says that its timeout is
// a time of the clock, not a duration.
const absoluteTime = 1

// subscription is what a guest waits for.
type subscription struct {
	userdata uint64
	tag      byte
	fail     errno  // the event happens at once, with this error
	wait     uint64 // nanoseconds until a clock event
	bytes    uint64 // that can be read
}

// pollOneoff waits until at least one of the subscriptions has happened.
// Time passes as in the host; streams and files are always ready.
//
//	poll_oneoff(in_ptr, out_ptr, n, result_ptr i32) errno
//
// It writes one $event for each that has happened, and their number at
// result_ptr. It returns the context's error when the call ends while it waits.
//
// Errors: EINVAL for no or over 1024 subscriptions, EFAULT.
func pollOneoff(c *call) (errno, error) {
	n := c.u32(2)
	if n == 0 || n > maxSubscriptions {
		return errInvalid, nil
	}
	in, ok := c.mem.array(c.u32(0), n, subscriptionSize)
	if !ok {
		return errFault, nil
	}
	out, ok := c.mem.array(c.u32(1), n, eventSize)
	if !ok {
		return errFault, nil
	}
	if _, ok := c.mem.bytes(c.u32(3), 4); !ok {
		return errFault, nil
	}
	var fixed [8]subscription // out may overlap in, so all are read first
	subs, least := fixed[:0], uint64(math.MaxUint64)
	for ; len(in) > 0; in = in[subscriptionSize:] {
		s := c.subscription(in)
		subs, least = append(subs, s), min(least, s.wait)
	}
	if err := c.sleep(least); err != nil {
		return 0, err
	}
	count := uint32(0)
	for _, s := range subs {
		if s.wait <= least {
			s.put(out[count*eventSize:])
			count++
		}
	}
	c.mem.putU32(c.u32(3), count)
	return success, nil
}

// subscription reads one $subscription.
func (c *call) subscription(b []byte) subscription {
	le := binary.LittleEndian
	s := subscription{userdata: le.Uint64(b), tag: b[8]}
	switch s.tag {
	case clockEvent:
		now, ok := c.sys.now(clockID(le.Uint32(b[16:])))
		if !ok {
			s.fail = errInvalid
			return s
		}
		s.wait = le.Uint64(b[24:])
		if le.Uint16(b[40:])&absoluteTime != 0 {
			s.wait -= min(s.wait, now)
		}
	case readEvent, writeEvent:
		s.bytes, s.fail = c.ready(le.Uint32(b[16:]), s.tag)
	default:
		s.fail = errInvalid
	}
	return s
}

// ready tells how many bytes a descriptor is known to have.
func (c *call) ready(fd uint32, tag byte) (uint64, errno) {
	f := c.sys.file(fd)
	switch {
	case f == nil:
		return 0, errBadFD
	case tag == readEvent && f.kind == inputFile:
		return 1, success
	case tag == readEvent && f.kind == regularFile:
		return uint64(max(f.size-f.at, 0)), success
	case tag == writeEvent && (f.kind == outputFile || f.kind == errorFile):
		return maxTransfer, success
	default:
		return 0, errBadFD
	}
}

// put writes the $event.
func (s subscription) put(b []byte) {
	b = b[:eventSize]
	clear(b)
	binary.LittleEndian.PutUint64(b, s.userdata)
	binary.LittleEndian.PutUint16(b[8:], uint16(s.fail)) //nolint:gosec // an error number
	b[10] = s.tag
	binary.LittleEndian.PutUint64(b[16:], s.bytes)
}

// sleep waits that many nanoseconds, or until the call ends.
func (c *call) sleep(ns uint64) error {
	if ns == 0 {
		return c.ctx.Err()
	}
	timer := time.NewTimer(time.Duration(min(ns, math.MaxInt64)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}
