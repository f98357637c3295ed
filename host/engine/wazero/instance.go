package wazero

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
)

// Instance is an [engine.Instance].
type Instance struct {
	module    *Module
	guest     api.Module
	mem       *image.Memory
	globals   []api.MutableGlobal
	functions map[string]api.Function
	stack     [16]uint64 // parameters and result of short calls

	state   any
	meter   *meter
	hostErr error // of the host function that ended the call
}

var (
	_ engine.Instance = (*Instance)(nil)
	_ engine.Guest    = (*Instance)(nil)
)

// State implements [engine.Guest].
func (i *Instance) State() any { return i.state }

// Memory implements [engine.Instance] and [engine.Guest].
func (i *Instance) Memory() []byte { return i.mem.Bytes() }

// Globals implements [engine.Instance].
func (i *Instance) Globals() []uint64 {
	v := make([]uint64, len(i.globals))
	for k, g := range i.globals {
		v[k] = g.Get()
		if t := g.Type(); t == api.ValueTypeI32 || t == api.ValueTypeF32 {
			v[k] &= 1<<32 - 1
		}
	}
	return v
}

func (i *Instance) setGlobals() {
	for k, v := range i.mem.Image().Globals() {
		i.globals[k].Set(v)
	}
}

// errClosed is returned for an instance that wazero has closed.
var errClosed = errors.New("the instance is closed")

// Reset implements [engine.Instance].
func (i *Instance) Reset() (image.Stats, error) {
	if i.guest == nil || i.guest.IsClosed() {
		return image.Stats{}, errClosed
	}
	st, err := i.mem.Reset()
	if err == nil {
		i.setGlobals()
	}
	return st, err
}

// Close implements [engine.Instance].
func (i *Instance) Close() error {
	if i.guest == nil {
		return nil
	}
	err := i.guest.Close(context.Background())
	i.guest, i.functions = nil, nil
	if err := errors.Join(err, i.mem.Close()); err != nil {
		return fmt.Errorf("closing instance: %w", err)
	}
	return nil
}

// Call implements [engine.Instance].
func (i *Instance) Call(ctx context.Context, c *engine.Call, function string, args ...uint64) (uint64, error) {
	k, ok := i.module.callable[function]
	switch {
	case !ok || len(args) != k.params:
		return 0, fmt.Errorf("calling %q: the module has no such function of %d integers", function, len(args))
	case i.guest == nil || i.guest.IsClosed():
		return 0, errClosed
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	f := i.functions[function]
	if f == nil {
		if f = i.guest.ExportedFunction(function); f == nil {
			return 0, fmt.Errorf("calling %q: the instance has no such function", function)
		}
		i.functions[function] = f
	}
	stack := i.stack[:]
	if need := max(k.params, k.results); need > len(stack) {
		stack = make([]uint64, need)
	}
	copy(stack, args)
	i.state, i.hostErr = c.State, nil
	err := i.run(ctx, c, f, stack)
	i.state = nil
	switch {
	case err != nil:
		return 0, err
	case k.narrow:
		return stack[0] & (1<<32 - 1), nil
	case k.results == 0:
		return 0, nil
	default:
		return stack[0], nil
	}
}

// run calls f under the call's budget and says why it ended.
func (i *Instance) run(ctx context.Context, c *engine.Call, f api.Function, stack []uint64) error {
	inner, cancel := context.WithCancel(ctx)
	m := newMeter(ctx, c.CPU, cancel)
	i.meter = m
	// The outermost value is the one that host functions look up.
	err := f.CallWithStack(context.WithValue(inner, instanceKey{}, i), stack)
	i.meter = nil
	c.Used += m.stop()
	// wazero may be closing the module on account of inner, so a call that
	// was over at the last moment counts as ended, too.
	ended := inner.Err()
	if ended != nil || err != nil || i.hostErr != nil {
		cancel()
	} // else inner ends with ctx, as what host calls have begun may go on to
	overBudget := m.over.Load() && ctx.Err() == nil
	switch {
	case i.hostErr != nil && !(overBudget && errors.Is(i.hostErr, context.Canceled)):
		return i.hostErr
	case ended != nil && overBudget:
		return engine.ErrCPU
	case ended != nil:
		return ended
	case err != nil:
		return failure(err)
	}
	return nil
}

// instanceKey is the key of the calling instance in a host call's context.
type instanceKey struct{}

// errHost is what a host call panics with, the way in which wazero ends a
// guest; the real error is in Instance.hostErr.
var errHost = errors.New("host function ended the call")

// hostCall makes a function of wazero's of a host function.
func hostCall(f engine.HostFunc) api.GoModuleFunction {
	size := max(len(f.Params), len(f.Results), 1)
	return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		i, ok := ctx.Value(instanceKey{}).(*Instance)
		if !ok {
			panic(errHost) // not from Instance.Call: nothing may call out then
		}
		var one [1]uint64
		if len(stack) < size {
			stack = one[:] // a function without parameters and results
		}
		began := time.Now()
		i.meter.enter(began)
		err := f.Do(ctx, i, stack)
		i.meter.leave(began)
		if err == nil && f.Blocks {
			err = ctx.Err()
		}
		if err != nil {
			i.hostErr = err
			panic(errHost)
		}
	})
}
