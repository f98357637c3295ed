package wasi

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/seraihost/serai/host/engine"
)

// Provider is what a call's State implements for guests that import WASI.
type Provider interface {
	// WASI returns the system of the running call, always the same one.
	WASI() *System
}

// System is what a guest sees of the world during one call. The zero value
// is a system with nothing in it: no arguments, an empty "/", end of file on
// standard input, and output that goes nowhere. One goroutine at a time may
// use it. It takes no memory for descriptors until a guest opens a file.
type System struct {
	Args []string // program name first
	Env  []string // "NAME=value"
	FS   *Tree    // shared between systems; nil is empty

	// An error of these streams, io.EOF of Stdin excepted, ends the guest's
	// call with that error. nil is empty input and discarded output. They
	// must not wait for long: a guest holds its turn on a processor meanwhile.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Random is the source of random_get; nil is crypto/rand.
	Random io.Reader
	// Clocks return nanoseconds: since 1970-01-01T00:00:00Z, since any
	// moment, and of processor time. nil is the host's clock; CPUTime's is
	// the monotonic one.
	Realtime, Monotonic, CPUTime func() int64

	files []*file // by descriptor; nil until something differs from standard
}

// Close closes what the guest left open and makes the descriptors those of a
// new system. The system can be used again.
func (s *System) Close() {
	for _, f := range s.files {
		f.close()
	}
	s.files = nil
}

// started is where the default monotonic clock begins.
var started = time.Now()

func (s *System) realtime() int64 {
	if s.Realtime != nil {
		return s.Realtime()
	}
	return time.Now().UnixNano()
}

func (s *System) monotonic() int64 {
	if s.Monotonic != nil {
		return s.Monotonic()
	}
	return int64(time.Since(started))
}

func (s *System) cpuTime() int64 {
	if s.CPUTime != nil {
		return s.CPUTime()
	}
	return s.monotonic()
}

func (s *System) random() io.Reader {
	if s.Random != nil {
		return s.Random
	}
	return rand.Reader
}

// errNoSystem ends a call whose guest imports WASI but whose state has none.
var errNoSystem = errors.New("the call's state provides no WASI system")

func systemOf(g engine.Guest) (*System, error) {
	p, ok := g.State().(Provider)
	if !ok {
		return nil, errNoSystem
	}
	if s := p.WASI(); s != nil {
		return s, nil
	}
	return nil, errNoSystem
}

// call is what a function gets of its caller.
type call struct {
	ctx context.Context //nolint:containedctx // lives as long as the host call
	sys *System
	mem memory
	p   []uint64 // parameters
}

func (c *call) u32(i int) uint32 { return uint32(c.p[i]) } //nolint:gosec // an i32 is in the lower half
func (c *call) u64(i int) uint64 { return c.p[i] }

// function makes the host function of one function of WASI: a letter per
// parameter, i for i32 and I for i64. All return an error number.
func function(name, params string, do func(c *call) (errno, error)) engine.HostFunc {
	return engine.HostFunc{
		Module: ModuleName, Name: name,
		Params: types(params), Results: []engine.ValueType{engine.I32},
		Do: func(ctx context.Context, g engine.Guest, stack []uint64) error {
			s, err := systemOf(g)
			if err != nil {
				return err
			}
			c := call{ctx, s, g.Memory(), stack}
			n, err := do(&c)
			if err != nil {
				return err
			}
			stack[0] = uint64(n)
			return nil
		},
	}
}

func types(letters string) []engine.ValueType {
	ts := make([]engine.ValueType, len(letters))
	for i := range letters {
		ts[i] = engine.I32
		if letters[i] == 'I' {
			ts[i] = engine.I64
		}
	}
	return ts
}
