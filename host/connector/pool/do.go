package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// largeReply is the size from which a reply counts for as long as the service
// holds it. Smaller ones are bounded by the calls that hold them.
const largeReply = 64 << 10

// operation is one of a connector's.
type operation struct {
	kind         string // type of the connector
	find         func(ctx context.Context, r *connector.Request, d connector.Directory[connector.Conn]) (string, error)
	index, total int // among its operations
	connector.OpInfo
}

// do performs an operation on the connection that the request names.
func (p *Pool) do(ctx context.Context, op *operation, r *connector.Request) (*connector.Result, error) {
	s, err := p.find(ctx, op, r)
	if err != nil {
		return nil, err
	}
	if cause := ctx.Err(); cause != nil {
		return nil, s.explain(cause, nil, cause)
	}
	began := time.Now()
	n := needOf(&r.Scope.Quota, int64(len(r.Body))+s.expected.Load())
	if err := s.share.enter(ctx, n); err != nil {
		s.suspect(nil)
		err = s.explain(ctx.Err(), nil, err)
		s.done(ctx, op, r, began, nil, err)
		return nil, err
	}
	result, err := s.attempt(ctx, op, r, began, func() { s.share.leave(n.bytes, 0, 0) })
	if err == nil && result.Stream != nil { // it goes on
		s.done(ctx, op, r, began, result, nil)
		return result, nil
	}
	keep := int64(0)
	if err == nil {
		keep = s.expect(len(result.Body))
	}
	if !s.share.leave(n.bytes, keep, n.maxBytes) {
		result, err = nil, n.refusal()
	}
	if err == nil && keep > 0 {
		s.hold(ctx, result, keep)
	}
	s.done(ctx, op, r, began, result, err)
	return result, err
}

// attempt performs the operation, again if that is safe where the connection
// turns out to be lost. end is called when a reply that streams is closed.
func (s *slot) attempt(ctx context.Context, op *operation, r *connector.Request, now time.Time, end func()) (*connector.Result, error) {
	for attempt := 0; ; attempt++ {
		l, probe, err := s.acquire(ctx, op.kind, now)
		if err != nil {
			return nil, s.explain(ctx.Err(), nil, err)
		}
		result, err := perform(ctx, op, l.conn, r)
		if err == nil && result.Stream != nil {
			s.note(up, probe, false, nil)
			result.Stream = &tail{ReadCloser: result.Stream, slot: s, live: l, end: end, cause: ctx.Err}
			return result, nil
		}
		lost := errors.Is(err, connector.ErrNotConnected)
		if slow := s.release(ctx.Err(), l, probe, err); slow {
			s.suspect(l)
		}
		if lost && op.Retry && r.Stream == nil && attempt == 0 && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, s.explain(ctx.Err(), l.redact, err)
		}
		return result, nil
	}
}

// perform performs the operation. A connector that panics over what a system
// sent fails this operation only.
func perform(ctx context.Context, op *operation, conn connector.Conn, r *connector.Request) (result *connector.Result, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			result, err = nil, &host.Error{
				Code: abi.Internal, Message: "internal error; the host's log has the detail under the request id",
				Err: fmt.Errorf("%s panics: %v\n%s", op.Name, fault, debug.Stack()),
			}
		}
	}()
	result, err = op.Do(ctx, conn, r)
	if err == nil && result == nil {
		result = new(connector.Result)
	}
	return result, err
}

// expect learns how large replies are, and returns what of one counts while
// the service holds it.
func (s *slot) expect(n int) (keep int64) {
	if old := s.expected.Load(); int64(n) >= old {
		if int64(n) > old {
			s.expected.Store(int64(n))
		}
	} else {
		s.expected.Store(old - (old-int64(n)+7)/8) // forgotten slowly
	}
	if n < largeReply {
		return 0
	}
	return int64(n)
}

// hold counts a reply until it is released, or the call is over.
func (s *slot) hold(ctx context.Context, result *connector.Result, n int64) {
	free := sync.OnceFunc(func() { s.share.free(n) })
	stop := context.AfterFunc(ctx, free)
	result.Release = func() {
		stop()
		free()
	}
}

// done counts an operation and says to the host's log what was done, but not
// with what.
func (s *slot) done(ctx context.Context, op *operation, r *connector.Request, began time.Time, result *connector.Result, err error) {
	code, took := host.CodeOf(err), time.Since(began)
	s.count(op, code, took)
	log := s.pool.log
	if code != abi.Internal && !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	size := 0
	if result != nil {
		size = len(result.Body)
	}
	attrs := []slog.Attr{
		slog.String("cid", r.Scope.CID), slog.String("tenant", s.key.tenant), slog.String("service", r.Scope.Service),
		slog.String("connection", s.key.name), slog.String("op", op.Name), slog.String("code", code.String()),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.Int("sent", len(r.Body)), slog.Int("received", size),
	}
	if err == nil {
		log.LogAttrs(ctx, slog.LevelDebug, "operation", attrs...)
		return
	}
	level := slog.LevelDebug
	if code == abi.Internal {
		level = slog.LevelError
	}
	log.LogAttrs(ctx, level, "operation", append(attrs, slog.String("err", err.Error()))...)
}

// tail is the reply of an operation that is under way until it is closed.
type tail struct {
	io.ReadCloser
	slot  *slot
	live  *live
	end   func()
	cause func() error // why the call ended
	once  sync.Once
	err   error // of reading
}

// Read implements io.Reader.
func (t *tail) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
		err = t.slot.explain(t.cause(), t.live.redact, err)
	}
	return n, err
}

// Close implements io.Closer.
func (t *tail) Close() error {
	err := t.ReadCloser.Close()
	t.once.Do(func() {
		t.slot.release(t.cause(), t.live, false, t.err)
		t.end()
	})
	return err
}
