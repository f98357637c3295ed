package guest

import (
	"bytes"
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
	write, reply := fn(abi.FnWrite, 3, write), fn(abi.FnReply, 4, reply)
	for f, ready := range map[*engine.HostFunc]func(engine.Guest, []uint64) bool{
		&call: nil, &read: readReady, &write: writeReady, &reply: replyReady,
	} {
		f.Blocks, f.Ready = true, ready
	}
	now := engine.HostFunc{
		Module: abi.ImportModule, Name: abi.FnTime,
		Params: i32(1), Results: []engine.ValueType{engine.I64}, Do: clock,
	}
	return []engine.HostFunc{
		call,
		read,
		write,
		fn(abi.FnClose, 1, closeHandle),
		reply,
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
	if st.out != nil && len(st.head) == 0 {
		return 0, host.Errorf(abi.Invalid, "handle %d is a body that is written; finish it to get the result", a.u32(0))
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

// write(handle, ptr, len i32) i32 appends to the reply's body, with handle 0,
// or to the body of an operation, and returns len. It returns 0 when the
// operation has ended and takes no more. A body that goes out as it is written
// makes it wait.
func write(ctx context.Context, s *Session, mem memory, a args) (uint32, error) {
	p, err := mem.slice(a.u32(1), a.u32(2))
	if err != nil {
		return 0, err
	}
	if a.u32(0) == abi.HandleReply {
		return a.u32(2), s.write(ctx, p)
	}
	st := s.stream(a.u32(0))
	if st == nil || st.out == nil {
		return 0, host.Errorf(abi.Invalid, "handle %d cannot be written", a.u32(0))
	}
	n, err := st.out.write(p)
	return uint32(n), err //nolint:gosec // at most len
}

// writeReady reports whether a write need not wait.
func writeReady(g engine.Guest, stack []uint64) bool {
	p, ok := g.State().(Provider)
	return !ok || args(stack).u32(0) == abi.HandleReply && p.Session().answer == nil
}

// close(handle i32) i32 gives up a stream.
func closeHandle(_ context.Context, s *Session, _ memory, a args) (uint32, error) {
	if !s.close(a.u32(0)) {
		return 0, host.Errorf(abi.Invalid, "handle %d is not open", a.u32(0))
	}
	return 0, nil
}

// reply(env_ptr, env_len, body_ptr, body_len i32) i32 sets the reply, once. It
// waits for one that streams.
func reply(ctx context.Context, s *Session, mem memory, a args) (uint32, error) {
	env, err := mem.slice(a.u32(0), a.u32(1))
	if err != nil {
		return 0, err
	}
	body, err := mem.slice(a.u32(2), a.u32(3))
	if err != nil {
		return 0, err
	}
	if err := s.setReply(ctx, env, body); err != nil {
		s.Print(abi.LevelError, "the reply was refused: "+host.MessageOf(err))
		return 0, err
	}
	return 0, nil
}

// replyReady reports whether a reply is one that does not stream.
func replyReady(g engine.Guest, stack []uint64) bool {
	env, err := memory(g.Memory()).slice(args(stack).u32(0), args(stack).u32(1))
	return err != nil || !bytes.Contains(env, []byte(abi.FieldStreamBody))
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
	st, opErr := operate(ctx, s, mem, a)
	if opErr != nil {
		if ctx.Err() != nil {
			return 0, opErr // the call is over; nobody reads the result
		}
		st = &stream{head: abi.Envelope{{Name: abi.FieldErrorMessage, Value: host.MessageOf(opErr)}}.Append(nil)}
	}
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

// operate performs an operation and returns its result, or begins one whose
// body the guest will write.
func operate(ctx context.Context, s *Session, mem memory, a args) (*stream, error) {
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
	req := &connector.Request{
		Scope: s.Scope, Envelope: e, Body: append([]byte(nil), body...), Streams: e.Get(abi.FieldStreamReply) == "1",
	}
	switch from := e.Get(abi.FieldStreamBody); {
	case e.Get(abi.FieldOp) == abi.OpFinish:
		return s.finish(ctx, e)
	case from == "":
		res, err := s.Ops.Do(ctx, req)
		if err != nil {
			return nil, err
		}
		return resultStream(res), nil
	case from == abi.StreamWrite:
		o, err := s.begin(ctx, req)
		if err != nil {
			return nil, err
		}
		return &stream{head: abi.Envelope(nil).Append(nil), out: o}, nil
	default:
		src, err := s.source(from)
		if err != nil {
			return nil, err
		}
		return s.splice(ctx, req, src)
	}
}

func resultStream(res *connector.Result) *stream {
	st := &stream{head: res.Envelope.Append(nil), body: res.Body, tail: res.Stream, release: res.Release, total: int64(len(res.Body))}
	if st.tail != nil {
		st.total = -1
	}
	return st
}
