package extism

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	sdk "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	wasistream "github.com/seraihost/serai/host/engine/wasi"
)

// Call is one call of a plugin.
type Call struct {
	Host    Host
	Service string // its variables are under its name
	Input   []byte
	// CPU is the most time that the call may take besides waiting in
	// operations, 0 for any; Used is what it took, set by [Instance.Call].
	CPU, Used time.Duration
}

// Instance is a running plugin. One goroutine at a time may use it.
type Instance struct {
	program *Program
	plugin  *sdk.Plugin
	memory  *budget
	system  *system
}

// system is what an instance sees through WASI.
type system struct {
	stdout, stderr io.Writer
	done           <-chan struct{} // of the running call
	watch          *stopwatch
}

// Start returns a pristine instance. It runs the module's start function, as
// long as ctx lasts.
func (p *Program) Start(ctx context.Context) (*Instance, error) {
	i := &Instance{program: p}
	if err := i.start(ctx); err != nil {
		return nil, err
	}
	return i, nil
}

func (i *Instance) start(ctx context.Context) (err error) {
	b := &budget{limit: i.program.limit}
	s := &system{done: ctx.Done()}
	defer func() {
		// wazero panics when a memory cannot be as large as declared.
		if r := recover(); r != nil {
			switch {
			case b.failure != nil:
				err = &host.Error{Code: abi.Unavailable, Message: "the host has no memory for the plugin now", Err: b.failure}
			case b.refused:
				err = i.program.needs(b.used)
			default:
				err = fmt.Errorf("starting plugin: %v", r)
			}
		}
		if err != nil {
			_ = b.release()
		}
	}()
	config := wazero.NewModuleConfig().
		WithSysWalltime().WithSysNanotime().WithNanosleep(s.sleep).
		WithRandSource(random{s}).
		WithStdout(stream{&s.stdout, s}).WithStderr(stream{&s.stderr, s})
	plugin, err := i.program.compiled.Instance(experimental.WithMemoryAllocator(ctx, b), sdk.PluginInstanceConfig{ModuleConfig: config})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("starting plugin: %w", err)
	}
	i.plugin, i.memory, i.system = plugin, b, s
	return nil
}

// MemoryBytes is the size of the instance's memories.
func (i *Instance) MemoryBytes() int64 {
	if i.memory == nil {
		return 0
	}
	return int64(i.memory.used) //nolint:gosec // bounded by the limit
}

// Close releases the instance. Closing twice is fine.
func (i *Instance) Close() error {
	if i.plugin == nil {
		return nil
	}
	err := errors.Join(i.plugin.Close(context.Background()), i.memory.release())
	i.plugin = nil
	if err != nil {
		return fmt.Errorf("closing plugin: %w", err)
	}
	return nil
}

var errClosed = errors.New("the instance is closed")

// Call calls the plugin's function with the input and returns its output.
//
// It returns *[host.Error] when the plugin says that it failed or an
// operation did, *[engine.Trap], *[engine.Exit], [engine.ErrCPU], and the
// context's error, as engine.Instance does. After any error the instance must
// be closed.
func (i *Instance) Call(ctx context.Context, c *Call) ([]byte, error) {
	switch {
	case i.plugin == nil:
		return nil, errClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	if i.memory.closed { // it ended itself with success in the call before
		if err := i.Close(); err != nil {
			return nil, err
		}
		if err := i.start(ctx); err != nil {
			return nil, err
		}
	}
	if left := i.memory.limit - i.memory.used; uint64(len(c.Input)) > left {
		return nil, host.Errorf(abi.Limit, "the plugin has %s of memory left, too little for the request; raise its limit with --memory", host.Bytes(left)) //nolint:gosec // at most 4 GiB
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := newStopwatch(ctx, c.CPU, cancel)
	out := &wasistream.Lines{Emit: func(line []byte) { c.Host.Print(abi.LevelInfo, string(line)) }}
	errs := &wasistream.Lines{Emit: func(line []byte) { c.Host.Print(abi.LevelWarning, string(line)) }}
	*i.system = system{stdout: out, stderr: errs, done: inner.Done(), watch: watch}
	i.memory.refused = false
	r := &running{host: c.Host, service: c.Service, watch: watch}

	code, output, err := i.run(context.WithValue(inner, runningKey{}, r), c.Input)

	c.Used = watch.stop()
	// What ended inner is either ctx or the stopwatch.
	ended, exhausted := ctx.Err(), inner.Err() != nil
	out.Flush()
	errs.Flush()
	*i.system = system{done: closedChannel}
	switch {
	case ended != nil:
		return nil, ended
	case exhausted:
		return nil, engine.ErrCPU
	case r.err != nil:
		return nil, operationFailed(r.err)
	case (err != nil || code != 0) && i.memory.refused:
		return nil, host.Errorf(abi.Limit, "the plugin used more memory than its limit of %s; raise it with --memory", host.Bytes(i.memory.limit)) //nolint:gosec // at most 4 GiB
	case err != nil:
		return nil, failure(err)
	case code != 0:
		return nil, failed("Error", fmt.Sprintf("the function returned %d", code))
	}
	return output, nil
}

func (i *Instance) run(ctx context.Context, input []byte) (code uint32, output []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("calling plugin: %v", r)
		}
	}()
	return i.plugin.CallWithContext(ctx, i.program.export, input)
}

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// stream is a standard stream of the instance; it ends calls that are over.
type stream struct {
	to     *io.Writer
	system *system
}

// Write implements [io.Writer].
func (w stream) Write(p []byte) (int, error) {
	w.system.check()
	if *w.to == nil {
		return len(p), nil
	}
	return (*w.to).Write(p)
}

// random is the source of randomness of the instance.
type random struct{ system *system }

// Read implements [io.Reader].
func (r random) Read(p []byte) (int, error) {
	for at := 0; at < len(p); {
		r.system.check()
		n, err := rand.Read(p[at:min(at+1<<20, len(p))])
		if err != nil {
			return at, err
		}
		at += n
	}
	return len(p), nil
}

// check ends the guest, in the way of wazero's, if the call is over.
func (s *system) check() {
	select {
	case <-s.done:
		panic(errEnded)
	default:
	}
}

// sleep waits for nanoseconds, or until the call is over.
func (s *system) sleep(ns int64) {
	if s.watch != nil {
		defer s.watch.pause()()
	}
	t := time.NewTimer(time.Duration(ns))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
		s.check()
	}
}
