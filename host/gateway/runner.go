package gateway

import (
	"context"
	"iter"

	"github.com/seraihost/serai/host"
)

// runner makes calls on a stack of its own. So a call can stop where its reply
// begins to stream, the handler return to the server, and the call go on where
// the server asks for the next piece of the body. One goroutine at a time uses
// a runner; switching to its stack and back is a matter of nanoseconds, where
// handing the call to another goroutine would be one of the scheduler.
type runner struct {
	gateway *Gateway
	next    func() (event, bool)
	stop    func()
	yield   func(event) bool
	answer  func(*host.Reply) (host.ReplyBody, error) // made once, since it takes memory

	runs
}

// runs is the call that a runner makes.
type runs struct {
	ctx      context.Context //nolint:containedctx // of the call
	call     *host.Call
	exchange *exchange
	conn     *conn       // nil if the listener is not the gateway's
	out      *sending    // its reply, if that streams
	reply    *host.Reply // of a call that has ended
	err      error
}

// event is why a call stops.
type event int

const (
	ended event = iota // the call has returned
	begun              // its reply begins to stream
	piece              // the next piece of the body is there
)

// idleRunners bounds the stacks that are kept.
const idleRunners = 256

// runner returns a runner for one call.
func (g *Gateway) runner() *runner {
	select {
	case r := <-g.runners:
		return r
	default:
	}
	r := &runner{gateway: g}
	r.answer = func(reply *host.Reply) (host.ReplyBody, error) {
		s, err := newSending(r, reply)
		if err != nil {
			return nil, err
		}
		if r.out = s; !s.bodyless {
			r.yield(begun)
		}
		return s, nil
	}
	r.next, r.stop = iter.Pull(r.run)
	return r
}

// run makes one call after the other.
func (r *runner) run(yield func(event) bool) {
	r.yield = yield
	for {
		r.reply, r.err = r.gateway.config.Invoker.Invoke(r.ctx, r.call)
		if !yield(ended) {
			return
		}
	}
}

// keep takes back a runner whose call has ended.
func (g *Gateway) keep(r *runner) {
	r.runs = runs{}
	if !g.closed.Load() {
		select {
		case g.runners <- r:
			return
		default:
		}
	}
	r.stop()
}

// stopRunners ends those that have no call.
func (g *Gateway) stopRunners() {
	for {
		select {
		case r := <-g.runners:
			r.stop()
		default:
			return
		}
	}
}
