package dispatch

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/fair"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime"
	"github.com/seraihost/serai/host/telemetry"
)

// Invoke implements [host.Invoker].
func (d *Dispatcher) Invoke(ctx context.Context, call *host.Call) (*host.Reply, error) {
	t, err := d.tenant(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	ctx, leave, ok := t.life.enter(ctx)
	if !ok {
		return nil, host.Errorf(abi.NotFound, "service %q does not exist", call.Service)
	}
	defer leave()
	start := time.Now()
	st := telemetry.CallStats{Tenant: call.Tenant, Service: call.Service, Channel: call.Channel}
	var version string
	reply, err := d.invoke(ctx, t, call, &st, &version)
	st.Wall = time.Since(start)
	if err != nil {
		st.Code = host.CodeOf(err)
		if st.Code == abi.NotFound && version == "" {
			return nil, err // no such service: nothing to count it under
		}
		d.report(call, version, err)
	} else {
		st.Status = reply.Status
	}
	d.Metrics.Observe(st)
	return reply, err
}

func (d *Dispatcher) invoke(ctx context.Context, t *tenant, call *host.Call, st *telemetry.CallStats, version *string) (*host.Reply, error) {
	s, err := d.find(ctx, key{call.Tenant, call.Service})
	if err != nil {
		return nil, err
	}
	a, loaded, err := s.acquire(ctx, d.Loader)
	if err != nil {
		if errors.Is(err, errRetired) {
			return nil, host.Errorf(abi.NotFound, "service %q does not exist", call.Service)
		}
		return nil, err
	}
	defer a.release()
	if loaded {
		d.makeRoom()
	}
	v := &a.version
	*version = v.Digest
	limits := v.Settings.Limits
	if err := check(call, v); err != nil {
		return nil, err
	}
	call, release, err := d.collect(ctx, call, v)
	if err != nil {
		return nil, err
	}
	defer release()
	queued := time.Now()
	leave, err := d.admit(ctx, t, s, a, call)
	st.Queued = time.Since(queued)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limits.Timeout))
	defer cancel()
	ec := &engine.Call{Key: call.Tenant, CPU: time.Duration(limits.CPU)}
	if a.turns != nil {
		// The turn covers the reset too: the memory of an instance is then
		// touched by one processor, and only while it is in its cache.
		if err := a.turns.Enter(ctx, ec.Key, 1); err != nil {
			return nil, runtime.Failure(err, "answer", limits)
		}
		ec.Held = true
		defer func() {
			if ec.Held {
				a.turns.Leave(1)
			}
		}()
	}
	in, err := a.lease(ctx)
	if host.CodeOf(err) == abi.Unavailable {
		d.relieve()
		in, err = a.lease(ctx)
	}
	if err != nil {
		return nil, err
	}
	return d.run(ctx, t, a, in, call, ec, st)
}

// check refuses what no instance needs to see.
func check(call *host.Call, v *host.Version) error {
	limits := &v.Settings.Limits
	switch {
	case call.Version != "" && call.Version != v.Digest:
		return host.Errorf(abi.Conflict, "version %s is not the running one", host.Clip(call.Version))
	case max(int64(len(call.Body)), call.Length) > int64(limits.RequestBytes):
		return host.Errorf(abi.TooLarge, "the request has %d bytes, the service takes at most %s; raise it with --request-size",
			max(int64(len(call.Body)), call.Length), limits.RequestBytes)
	case call.Depth > limits.InvokeDepth:
		return host.Errorf(abi.Limit, "services invoke each other more than %d deep", limits.InvokeDepth)
	}
	return nil
}

// longestWait bounds the time that a call waits to be admitted.
const longestWait = 10 * time.Second

// admit waits until the call may run and returns how to end that.
//
// A call that another service waits for is not held up: its caller was admitted
// and holds what it has until the call returns, so waiting for others could
// be waiting for itself. Its depth is bounded instead.
func (d *Dispatcher) admit(ctx context.Context, t *tenant, s *service, a *active, call *host.Call) (leave func(), err error) {
	if call.Depth > 0 && call.Channel != abi.ChannelAsync && call.Channel != abi.ChannelScheduler {
		return func() {}, nil
	}
	charge := a.charge.Load()
	gates := [...]entry{
		{s.gate.Load(), "", 1, "of this service are in flight"},
		{t.gate, "", 1, "of this tenant are in flight"},
		{d.guests, call.Tenant, 1, "are in flight"},
		{d.memory, call.Tenant, charge, "need memory"},
	}
	leaveAll := func(n int) {
		for i := range n {
			gates[n-1-i].gate.Leave(gates[n-1-i].weight)
		}
	}
	var within context.Context // the wait of all gates together, once there is one
	for i, e := range gates {
		if e.gate.TryEnter(e.weight) {
			continue
		}
		if within == nil {
			var cancel context.CancelFunc
			within, cancel = context.WithTimeout(ctx, longestWait)
			defer cancel()
		}
		if err := e.gate.Enter(within, e.key, e.weight); err != nil {
			leaveAll(i)
			return nil, busy(err, e.what)
		}
	}
	return func() { leaveAll(len(gates)) }, nil
}

// entry is a gate that a call goes through.
type entry struct {
	gate   *fair.Gate
	key    string
	weight int64
	what   string // is too much when it is full
}

// run runs the call in the instance and gives the instance back or closes it.
func (d *Dispatcher) run(ctx context.Context, t *tenant, a *active, in runtime.Instance, call *host.Call, ec *engine.Call, st *telemetry.CallStats) (*host.Reply, error) {
	v := &a.version
	s := &guest.Session{
		Scope: connector.Scope{
			Tenant: call.Tenant, Service: call.Service, CID: call.CID, Call: d.calls.Add(1), Depth: call.Depth,
			Limits: v.Settings.Limits, Quota: t.quota, Grants: v.Settings.Grants,
		},
		Ops:    d.Ops,
		Answer: call.Answer,
		Log: func(level int, message string) {
			d.Book.Append(telemetry.Record{
				Time: time.Now(), Tenant: call.Tenant, Service: call.Service, Version: v.Digest,
				CID: call.CID, Level: level, Message: message,
			})
		},
	}
	c := *call
	c.Envelope = append(abi.Envelope{
		{Name: abi.FieldCID, Value: call.CID},
		{Name: abi.FieldService, Value: call.Service},
		{Name: abi.FieldVersion, Value: v.Digest},
		{Name: abi.FieldTenant, Value: call.Tenant},
		{Name: abi.FieldChannel, Value: call.Channel},
		{Name: abi.FieldBegan, Value: strconv.FormatInt(time.Now().UnixNano(), 10)},
	}, call.Envelope...)
	if v.Settings.Debug != host.DebugOff {
		c.Envelope.Add(abi.FieldDebug, string(v.Settings.Debug))
	}
	reply, err := in.Run(ctx, &c, s, ec)
	st.CPU, st.MemoryBytes = ec.Used, in.MemoryBytes()
	if err != nil {
		_ = in.Close()
		return nil, opened(err, v)
	}
	if v.Settings.Isolation == host.Warm {
		a.giveBack(in)
		return reply, nil
	}
	stats, err := in.Reset()
	st.DirtyPages = stats.DirtyPages
	a.observe(int64(stats.DirtyPages)*image.PageSize + max(0, st.MemoryBytes-v.ImageBytes))
	if err != nil {
		_ = in.Close() // it has grown, or cannot be reset: the next call gets a new one
		return reply, nil
	}
	a.giveBack(in)
	return reply, nil
}

// opened lets API clients see how a version of serai dev failed.
func opened(err error, v *host.Version) error {
	e, ok := errors.AsType[*host.Error](err)
	if !ok || v.Settings.Debug == host.DebugOff {
		return err
	}
	shown := *e
	shown.Open = true
	return &shown
}

// report writes what went wrong to the service's log, for its author, and
// faults of the host to the host's log.
func (d *Dispatcher) report(call *host.Call, version string, err error) {
	r := telemetry.Record{
		Time: time.Now(), Tenant: call.Tenant, Service: call.Service, Version: version,
		CID: call.CID, Level: abi.LevelError, Message: host.MessageOf(err),
	}
	if coded, ok := errors.AsType[*host.Error](err); ok {
		r.Failure = coded.Detail
	}
	d.Book.Append(r)
	if host.CodeOf(err) == abi.Internal {
		d.Logger.Error("call failed inside the host", "tenant", call.Tenant, "service", call.Service, "cid", call.CID, "error", err)
	}
}
