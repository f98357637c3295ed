package runtime

import (
	"context"
	"errors"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/fair"
	"github.com/seraihost/serai/host/guest"
)

// imaged is a program whose instances start from an image and are entered
// by one exported function. It serves the kinds python, core and wasi.
type imaged struct {
	rt     *Runtime
	module *compiled
	layout *layout
	files  *wasi.Tree
	limits host.Limits
	// fresh programs are initialised in every call, by init.
	fresh bool
	init  func(ctx context.Context, in engine.Instance, s *guest.Session, c *engine.Call) error
	serve func(ctx context.Context, in engine.Instance, call *host.Call, s *guest.Session, c *engine.Call) (*host.Reply, error)
	leave func() error // releases module and layout
}

// Start implements [Program].
func (p *imaged) Start(ctx context.Context) (Instance, error) {
	im := p.layout.get()
	defer im.Release()                                                       // the instance holds it too
	in, err := p.module.module.Instantiate(ctx, im, uint64(p.limits.Memory)) //nolint:gosec // not negative
	if err != nil {
		return nil, err
	}
	return &imagedInstance{p: p, in: in, image: im}, nil
}

// Turns implements [TurnTaker].
func (p *imaged) Turns() *fair.Gate {
	if t, ok := p.rt.Engine.(engine.TurnTaker); ok {
		return t.Turns()
	}
	return nil
}

// Close implements [Program].
func (p *imaged) Close() error { return p.leave() }

type imagedInstance struct {
	p     *imaged
	in    engine.Instance
	image *image.Image // that it started from
}

// errFresh says that a program keeps state outside of memory and globals.
var errFresh = errors.New("the module cannot be reset in place")

// Run implements [Instance].
func (i *imagedInstance) Run(ctx context.Context, call *host.Call, s *guest.Session, c *engine.Call) (*host.Reply, error) {
	out, errs := s.Lines(abi.LevelInfo), s.Lines(abi.LevelWarning)
	s.System.FS = i.p.files
	s.System.Stdout, s.System.Stderr = out, errs
	c.State = s
	reply, err := i.run(ctx, call, s, c)
	out.Flush()
	errs.Flush()
	s.System.Close()
	s.End()
	return reply, err
}

func (i *imagedInstance) run(ctx context.Context, call *host.Call, s *guest.Session, c *engine.Call) (*host.Reply, error) {
	if i.p.fresh {
		ops := s.Ops
		s.Ops = nil
		if err := i.p.init(ctx, i.in, s, c); err != nil {
			return nil, Failure(err, "answer", s.Scope.Limits)
		}
		s.Ops = ops
	}
	reply, err := i.p.serve(ctx, i.in, call, s, c)
	if err != nil {
		return nil, Failure(err, "answer", s.Scope.Limits)
	}
	return reply, nil
}

// Reset implements [Instance].
func (i *imagedInstance) Reset() (image.Stats, error) {
	if i.p.fresh {
		return image.Stats{}, errFresh
	}
	i.p.layout.called()
	if i.p.layout.outdated(i.image) {
		return image.Stats{}, errCold
	}
	return i.in.Reset()
}

// MemoryBytes implements [Instance].
func (i *imagedInstance) MemoryBytes() int64 { return int64(len(i.in.Memory())) }

// Close implements [Instance].
func (i *imagedInstance) Close() error { return i.in.Close() }

// serveABI serves calls through an export of the ABI's signature.
func serveABI(export string) func(context.Context, engine.Instance, *host.Call, *guest.Session, *engine.Call) (*host.Reply, error) {
	return func(ctx context.Context, in engine.Instance, call *host.Call, s *guest.Session, c *engine.Call) (*host.Reply, error) {
		env, body := s.SetRequest(call.Envelope, call)
		code, err := in.Call(ctx, c, export, env, body)
		if err != nil {
			return nil, err
		}
		if code != uint64(abi.OK) {
			return nil, s.Failure(code)
		}
		if err := s.Finish(); err != nil {
			return nil, err
		}
		return s.Reply(), nil
	}
}
