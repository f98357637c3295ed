package inbound

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// How long a system is left alone that could not be reached, and a message
// whose service cannot be: so long at first, doubled each time, with jitter.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
	// settled is how long a source has received when a failure is not one in a row.
	settled     = 10 * time.Second
	openTimeout = 15 * time.Second
)

func now() time.Time { return time.Now() }

// receiver runs one channel.
type receiver struct {
	Config
	kind    connector.SourceType
	channel host.Channel
	state   *state
	rooms   *rooms
	digest  [sha256.Size]byte
	shelf   shelf
	wake    chan struct{} // something is to be delivered again
	stop    context.CancelFunc
	done    chan struct{}
}

// run receives until ctx ends, over one source after another.
func (r *receiver) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		began := time.Now()
		err := r.receive(ctx)
		if ctx.Err() != nil {
			return
		}
		r.state.set(false, err)
		if time.Since(began) > settled {
			failures = 0
		}
		pause := backoff(failures, firstPause, maxPause)
		failures++
		r.Logger.Warn("channel does not receive", "tenant", r.channel.Tenant, "channel", r.channel.Name, "attempt", failures, "pause", pause, "err", err)
		if failures == 1 {
			r.note("", abi.LevelWarning, "it does not receive, and tries again: "+explain(err))
		}
		sleep(ctx, pause)
	}
}

// receive opens a source and receives until it is lost or ctx ends.
func (r *receiver) receive(ctx context.Context) error {
	o, err := r.opening(ctx, r.kind, r.channel)
	if err != nil {
		return err
	}
	err = safely(func() error { return r.over(ctx, o) })
	if err == nil && ctx.Err() == nil {
		err = connector.ErrNotConnected // it should not have ended
	}
	if err != nil {
		return o.Explain(err)
	}
	return nil
}

// over receives over a source.
func (r *receiver) over(ctx context.Context, o opening) error {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	o.env.Dropped = r.dropped
	source, policy, err := r.kind.Open(opening, o.Record.Config, r.channel.Config, o.Secret, o.env)
	if err != nil {
		return err
	}
	r.state.opened.Add(1)
	r.state.set(true, nil)
	deliver := r.deliver
	if r.kind.Forgets(r.channel.Config) {
		deliver = r.keep
		returning, end := context.WithCancel(ctx)
		var work sync.WaitGroup
		defer work.Wait()
		defer end()
		work.Go(func() { r.giveBack(returning, policy) })
	}
	err = safely(func() error {
		return source.Run(ctx, func(ctx context.Context, m connector.Message) (connector.Disposition, error) {
			return deliver(ctx, policy, m)
		})
	})
	if gone := source.Close(); err == nil {
		err = gone // else it is a consequence
	}
	return err
}

// dropped notes that there was no room for messages, at first and then each
// time that there are twice as many in the log of the service.
func (r *receiver) dropped(messages int) {
	before := r.state.dropped.Add(uint64(messages)) - uint64(messages)                         //nolint:gosec // a count
	if now := before + uint64(messages); before == 0 || bits.Len64(now) > bits.Len64(before) { //nolint:gosec // the same
		r.note("", abi.LevelWarning, fmt.Sprintf("there is no room for what comes: %d messages are dropped since the host started", now))
	}
}

// deliver tries the service until it has dealt with the message, or has
// failed as often as it may. Only what the service does counts: while there
// is no such service, or no room for the call, the message waits.
func (r *receiver) deliver(ctx context.Context, policy connector.Redelivery, m connector.Message) (connector.Disposition, error) {
	cid := newCID()
	failed, waited := 0, 0
	r.state.inFlight.Add(1)
	defer r.state.inFlight.Add(-1)
	for {
		leave, ok := r.rooms.enter(ctx, r.channel.Tenant)
		if !ok {
			return connector.Again, ctx.Err()
		}
		reply, err := r.Invoker().Invoke(context.WithoutCancel(ctx), r.call(cid, m))
		leave()
		var pause time.Duration
		switch o := outcomeOf(reply, err); o {
		case succeeded:
			r.state.done.Add(1)
			return connector.Done, nil
		case refused:
			r.state.parked.Add(1)
			err = reasonOf(reply, err)
			r.note(cid, abi.LevelWarning, "the message is parked: "+explain(err))
			return connector.Park, err
		case away:
			pause = backoff(waited, firstPause, maxPause)
			if waited++; waited == 1 {
				r.note(cid, abi.LevelWarning, "a message waits: "+explain(err))
			}
		default:
			failed++
			r.state.failed.Add(1)
			err = reasonOf(reply, err)
			if failed >= policy.Attempts {
				r.state.parked.Add(1)
				err = &host.Error{Code: abi.Failed, Err: err, Message: fmt.Sprintf("after %d attempts: %s", failed, explain(err))}
				r.note(cid, abi.LevelError, "the message is parked "+explain(err))
				return connector.Park, err
			}
			pause = backoff(failed-1, time.Duration(policy.Backoff), time.Duration(policy.MaxBackoff))
		}
		if !sleep(ctx, pause) {
			return connector.Again, ctx.Err()
		}
	}
}

// call is a new call each time: what dispatches it may change its envelope.
func (r *receiver) call(cid string, m connector.Message) *host.Call {
	e := make(abi.Envelope, 0, len(m.Envelope)+2)
	e.Add(abi.FieldChannelName, r.channel.Name)
	if f := r.channel.DataFormat; f != "" {
		e.Add(abi.FieldDataFormat, string(f))
	}
	return &host.Call{
		Tenant: r.channel.Tenant, Service: r.channel.Service, CID: cid, Channel: r.kind.Channel,
		Envelope: append(e, m.Envelope...), Body: m.Body,
	}
}

// outcome is what an attempt came to.
type outcome int

const (
	succeeded outcome = iota
	refused           // it would not do better another time
	failure
	away // the service could not be tried
)

func outcomeOf(reply *host.Reply, err error) outcome {
	switch host.CodeOf(err) {
	case abi.OK:
	case abi.NotFound, abi.Unavailable, abi.Cancelled:
		return away
	case abi.TooLarge:
		return refused
	default:
		return failure
	}
	switch disposition(reply) {
	case abi.DispositionAck:
		return succeeded
	case abi.DispositionReject:
		return refused
	case abi.DispositionRetry:
		return failure
	}
	if reply.Status >= 400 {
		return failure
	}
	return succeeded
}

func disposition(reply *host.Reply) string {
	for _, h := range reply.Headers {
		if h.Name == abi.HeaderDisposition {
			return h.Value
		}
	}
	return ""
}

// reasonOf says why an attempt did not succeed.
func reasonOf(reply *host.Reply, err error) error {
	switch {
	case err != nil:
		return err
	case disposition(reply) != "":
		return host.Errorf(abi.Failed, "the service has decided so: %s", host.Clip(disposition(reply)))
	case reply.Problem() != "":
		return host.Errorf(abi.Failed, "%s", reply.Problem())
	}
	return host.Errorf(abi.Failed, "the service answered with status %d", reply.Status)
}

// explain returns what an author may read of an error.
func explain(err error) string {
	if e, coded := errors.AsType[*host.Error](err); coded {
		if f := e.Detail; f != nil && f.Type != "" {
			return e.Message + ": " + f.Type + ": " + f.Message
		}
		return host.MessageOf(err)
	}
	return host.MessageOf(err)
}

// backoff returns the n-th pause, between half of it and half as much again.
func backoff(n int, first, most time.Duration) time.Duration {
	pause := most
	if n < 30 && first<<n > 0 {
		pause = min(most, first<<n)
	}
	return pause/2 + mathrand.N(pause+1) //nolint:gosec // jitter
}

// sleep reports whether it has slept for d before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func newCID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}
