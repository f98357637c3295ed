package guest

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
)

// Functions returns the host functions of the ABI, for every engine.
func Functions() []engine.HostFunc {
	i32 := func(n int) []engine.ValueType {
		out := make([]engine.ValueType, n)
		for i := range out {
			out[i] = engine.I32
		}
		return out
	}
	fn := func(name string, params int, do hostFunc) engine.HostFunc {
		return engine.HostFunc{Module: abi.ImportModule, Name: name, Params: i32(params), Results: i32(1), Do: adapt(do)}
	}
	call, read := fn(abi.FnCall, 5, call), fn(abi.FnRead, 3, read)
	call.Blocks, read.Blocks, read.Ready = true, true, readReady
	now := engine.HostFunc{
		Module: abi.ImportModule, Name: abi.FnTime,
		Params: i32(1), Results: []engine.ValueType{engine.I64}, Do: clock,
	}
	return []engine.HostFunc{
		call,
		read,
		fn(abi.FnWrite, 3, write),
		fn(abi.FnClose, 1, closeHandle),
		fn(abi.FnReply, 4, reply),
		fn(abi.FnLog, 3, logRecord),
		fn(abi.FnRandom, 2, random),
		now,
	}
}

// args are the parameters of a host function.
type args []uint64

func (a args) u32(i int) uint32 { return uint32(a[i]) } //nolint:gosec // an i32 is in the lower half

// hostFunc returns a result that is not negative, or an error whose code the
// guest gets.
type hostFunc func(ctx context.Context, s *Session, mem memory, a args) (uint32, error)

// errNoSession ends a call whose guest imports the ABI but has no session.
var errNoSession = errors.New("the call's state provides no session")

func adapt(do hostFunc) func(context.Context, engine.Guest, []uint64) error {
	return func(ctx context.Context, g engine.Guest, stack []uint64) error {
		p, ok := g.State().(Provider)
		if !ok {
			return errNoSession
		}
		n, err := do(ctx, p.Session(), memory(g.Memory()), stack)
		if err != nil {
			n = uint32(-int32(host.CodeOf(err))) //nolint:gosec // a negated code
		}
		stack[0] = uint64(n)
		return nil
	}
}

// memory is a guest's linear memory.
type memory []byte

var errBounds = host.Errorf(abi.Invalid, "pointer and length are outside of memory")

// slice returns the bytes that a guest points at.
func (m memory) slice(ptr, length uint32) ([]byte, error) {
	end := uint64(ptr) + uint64(length)
	if end > uint64(len(m)) {
		return nil, errBounds
	}
	return m[ptr:end:end], nil
}

// read(handle, ptr, len i32) i32 copies the next bytes of a stream to ptr
// and returns how many; 0 is the end. It waits for bytes of a body that comes
// as it is read.
func read(ctx context.Context, s *Session, mem memory, a args) (uint32, error) {
	p, err := mem.slice(a.u32(1), a.u32(2))
	if err != nil {
		return 0, err
	}
	st := s.stream(a.u32(0))
	if st == nil {
		return 0, host.Errorf(abi.Invalid, "handle %d is not open", a.u32(0))
	}
	n, err := st.read(ctx, p)
	if err != nil && ctx.Err() == nil {
		s.Print(abi.LevelWarning, "a stream broke off: "+host.MessageOf(err))
	}
	return uint32(n), err //nolint:gosec // at most maxRead
}

// readReady reports whether a read need not wait.
func readReady(g engine.Guest, stack []uint64) bool {
	p, ok := g.State().(Provider)
	if !ok {
		return true
	}
	st := p.Session().stream(args(stack).u32(0))
	return st == nil || st.ready()
}

// write(handle, ptr, len i32) i32 appends to the reply's body and returns len.
func write(_ context.Context, s *Session, mem memory, a args) (uint32, error) {
	p, err := mem.slice(a.u32(1), a.u32(2))
	if err != nil {
		return 0, err
	}
	if a.u32(0) != abi.HandleReply {
		return 0, host.Errorf(abi.Invalid, "handle %d cannot be written", a.u32(0))
	}
	return a.u32(2), s.WriteBody(p)
}

// close(handle i32) i32 gives up a stream.
func closeHandle(_ context.Context, s *Session, _ memory, a args) (uint32, error) {
	if !s.close(a.u32(0)) {
		return 0, host.Errorf(abi.Invalid, "handle %d is not open", a.u32(0))
	}
	return 0, nil
}

// reply(env_ptr, env_len, body_ptr, body_len i32) i32 sets the reply, once.
func reply(_ context.Context, s *Session, mem memory, a args) (uint32, error) {
	env, err := mem.slice(a.u32(0), a.u32(1))
	if err != nil {
		return 0, err
	}
	body, err := mem.slice(a.u32(2), a.u32(3))
	if err != nil {
		return 0, err
	}
	if err := s.setReply(env, body); err != nil {
		s.Print(abi.LevelError, "the reply was refused: "+host.MessageOf(err))
		return 0, err
	}
	return 0, nil
}

// log(level, ptr, len i32) i32 writes one log record. Of one that is too long
// it writes the beginning and returns a TooLarge error.
func logRecord(_ context.Context, s *Session, mem memory, a args) (uint32, error) {
	level, length := int(min(a.u32(0), abi.LevelCritical)), a.u32(2)
	p, err := mem.slice(a.u32(1), min(length, abi.MaxLogRecord))
	switch {
	case length > abi.MaxLogRecord:
		if err == nil {
			s.Print(level, string(p[:len(p)-len(cut)])+cut)
		}
		return 0, host.Errorf(abi.TooLarge, "log record of %d bytes, at most %d", length, abi.MaxLogRecord)
	case err != nil:
		return 0, err
	}
	s.Print(level, string(p))
	return 0, nil
}

// cut ends a log record that was too long.
const cut = " [cut]"

// random(ptr, len i32) i32 fills memory with cryptographic randomness.
func random(_ context.Context, _ *Session, mem memory, a args) (uint32, error) {
	if a.u32(1) > abi.MaxRandomBytes {
		return 0, host.Errorf(abi.TooLarge, "%d random bytes, at most %d", a.u32(1), abi.MaxRandomBytes)
	}
	p, err := mem.slice(a.u32(0), a.u32(1))
	if err != nil {
		return 0, err
	}
	_, err = rand.Read(p)
	return 0, err
}

// started is where the monotonic clock begins.
var started = time.Now()

// time(clock i32) i64 returns nanoseconds; -1 for a clock that does not exist.
func clock(_ context.Context, _ engine.Guest, stack []uint64) error {
	switch uint32(stack[0]) { //nolint:gosec // an i32 is in the lower half
	case abi.ClockRealtime:
		stack[0] = uint64(time.Now().UnixNano())
	case abi.ClockMonotonic:
		stack[0] = uint64(time.Since(started)) //nolint:gosec // not negative
	default:
		stack[0] = ^uint64(0)
	}
	return nil
}

// call(env_ptr, env_len, body_ptr, body_len, result_ptr i32) i32 performs an
// operation of a connector. A result is opened for errors too; its envelope
// says what went wrong.
func call(ctx context.Context, s *Session, mem memory, a args) (uint32, error) {
	out, err := mem.slice(a.u32(4), abi.ResultSize)
	if err != nil {
		return 0, err
	}
	abi.Result{}.Put(out)
	res, opErr := operate(ctx, s, mem, a)
	if opErr != nil {
		if ctx.Err() != nil {
			return 0, opErr // the call is over; nobody reads the result
		}
		res = &connector.Result{}
		res.Envelope.Add(abi.FieldErrorMessage, host.MessageOf(opErr))
	}
	st := &stream{head: res.Envelope.Append(nil), body: res.Body, tail: res.Stream, release: res.Release}
	r := abi.Result{EnvelopeLen: uint32(len(st.head)), BodyLen: uint32(len(st.body))} //nolint:gosec // bounded by heldBytes
	if st.tail != nil {
		r.BodyLen = abi.UnknownLength
	}
	var ok bool
	if r.Handle, ok = s.open(st); !ok {
		st.end()
		return 0, host.Errorf(abi.Limit, "the call holds too many results; read or close them")
	}
	r.Put(out)
	return 0, opErr
}

func operate(ctx context.Context, s *Session, mem memory, a args) (*connector.Result, error) {
	env, err := mem.slice(a.u32(0), a.u32(1))
	if err != nil {
		return nil, err
	}
	body, err := mem.slice(a.u32(2), a.u32(3))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > int64(s.Scope.Quota.RequestBytes) {
		return nil, host.Errorf(abi.TooLarge, "payload of %d bytes, at most %s", len(body), s.Scope.Quota.RequestBytes)
	}
	e, err := abi.Decode(env)
	if err != nil {
		return nil, host.Errorf(abi.Invalid, "operation: %w", err)
	}
	if s.Ops == nil {
		return nil, host.Errorf(abi.Denied, "operations cannot be used while a service is being initialised; use them in its handler")
	}
	// A copy, since connectors may send on while the guest's memory changes.
	return s.Ops.Do(ctx, &connector.Request{
		Scope: s.Scope, Envelope: e, Body: append([]byte(nil), body...), Streams: e.Get(abi.FieldStreamReply) == "1",
	})
}
