package guest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// source is a stream that notes when it is closed.
type source struct {
	io.Reader
	closed int
}

func (s *source) Close() error {
	s.closed++
	return nil
}

// drain reads a handle to its end or an error.
func (g *fakeGuest) drain(t testing.TB, handle uint32) (string, int32) {
	t.Helper()
	var out strings.Builder
	for {
		n := g.call(t, abi.FnRead, handle, 1000, 1000)
		if n <= 0 {
			return out.String(), n
		}
		out.Write(g.mem[1000 : 1000+n])
	}
}

func TestRequestStreams(t *testing.T) {
	for name, tt := range map[string]struct {
		from   io.Reader
		length int64
		want   string
		code   abi.Code
	}{
		"whole":          {strings.NewReader("0123456789"), 10, "0123456789", abi.OK},
		"byte by byte":   {iotest.OneByteReader(strings.NewReader("0123456789")), -1, "0123456789", abi.OK},
		"error at once":  {iotest.DataErrReader(strings.NewReader("0123456789")), -1, "0123456789", abi.OK},
		"at the limit":   {strings.NewReader(strings.Repeat("x", 5000)), -1, strings.Repeat("x", 5000), abi.OK},
		"over the limit": {strings.NewReader(strings.Repeat("x", 5001)), -1, strings.Repeat("x", 5000), abi.TooLarge},
		"breaks off":     {io.MultiReader(strings.NewReader("012"), iotest.ErrReader(host.Errorf(abi.Cancelled, "gone"))), 10, "012", abi.Cancelled},
		"says nothing":   {stuck{}, -1, "", abi.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuest()
			g.session.Scope.Limits.RequestBytes = 5000
			from := &source{Reader: tt.from}
			env, body := g.session.SetRequest(abi.Envelope{{Name: "a", Value: "b"}}, &host.Call{Stream: from, Length: tt.length})
			if want := uint64(uint32(tt.length)); body != want {
				t.Errorf("length %d, want %d", body, want)
			}
			if n := g.call(t, abi.FnRead, 0, 0, uint32(env)); n != int32(env) {
				t.Fatalf("envelope: %d", n)
			}
			got, end := g.drain(t, 0)
			if tt.code == abi.TooLarge {
				got += strings.Repeat("x", len(tt.want)-len(got)) // what came with the byte too many is not handed over
			}
			if got != tt.want || end != -int32(tt.code) {
				t.Errorf("%d bytes, then %d", len(got), end)
			}
			if again := g.call(t, abi.FnRead, 0, 0, 10); again != end {
				t.Errorf("reading on: %d", again)
			}
			if tt.code != abi.OK {
				if f := g.session.Failure(uint64(abi.Failed)); f.Code != tt.code {
					t.Errorf("the call fails with %v", f)
				}
			}
			g.session.End()
			if from.closed != 1 {
				t.Errorf("closed %d times", from.closed)
			}
		})
	}
}

// stuck returns nothing for ever.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestRequestStreamEndsWithTheCall ends a read that waits.
func TestRequestStreamEndsWithTheCall(t *testing.T) {
	g := newGuest()
	r, w := io.Pipe()
	defer w.Close()
	env, _ := g.session.SetRequest(nil, &host.Call{Stream: r, Length: -1})
	g.call(t, abi.FnRead, 0, 0, uint32(env))
	if stack := []uint64{0, 0, 10}; readReady(g, stack) {
		t.Error("a read that has to wait is ready")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := read(ctx, g.session, g.mem, args{0, 0, 10}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestResultStreams(t *testing.T) {
	from := &source{Reader: io.MultiReader(strings.NewReader("0123456789"), iotest.ErrReader(host.Errorf(abi.Unavailable, "broke off")))}
	g := newGuest(connector.Op{Name: "test.stream", Do: func(_ context.Context, r *connector.Request) (*connector.Result, error) {
		if !r.Streams {
			return nil, host.Errorf(abi.Invalid, "nobody asked for a stream")
		}
		return &connector.Result{Envelope: abi.Envelope{{Name: "n", Value: "1"}}, Stream: from}, nil
	}})
	open := func() abi.Result {
		t.Helper()
		at, n := g.put(0, abi.Envelope{{Name: abi.FieldOp, Value: "test.stream"}, {Name: abi.FieldStreamReply, Value: "1"}}.Append(nil))
		if code := g.call(t, abi.FnCall, at, n, 0, 0, 500); code != 0 {
			t.Fatalf("call: %d", code)
		}
		r := abi.ParseResult(g.mem[500:])
		if r.BodyLen != abi.UnknownLength {
			t.Errorf("%+v", r)
		}
		if n := g.call(t, abi.FnRead, r.Handle, 1000, r.EnvelopeLen); n != int32(r.EnvelopeLen) {
			t.Errorf("envelope: %d", n)
		}
		return r
	}
	r := open()
	if got, end := g.drain(t, r.Handle); got != "0123456789" || end != -int32(abi.Unavailable) {
		t.Errorf("%q, then %d", got, end)
	}
	if g.call(t, abi.FnClose, r.Handle) != 0 || from.closed != 1 {
		t.Errorf("closed %d times", from.closed)
	}
	open()
	g.session.End()
	if from.closed != 2 {
		t.Errorf("closed %d times", from.closed)
	}
}

// TestStreamsAreBounded opens streams until there are too many; those that the
// host does not take it closes.
func TestStreamsAreBounded(t *testing.T) {
	var all []*source
	g := newGuest(connector.Op{Name: "test.stream", Do: func(context.Context, *connector.Request) (*connector.Result, error) {
		s := &source{Reader: strings.NewReader("x")}
		all = append(all, s)
		return &connector.Result{Stream: s}, nil
	}})
	at, n := g.put(0, abi.Envelope{{Name: abi.FieldOp, Value: "test.stream"}}.Append(nil))
	for i := range 2 * abi.MaxHandles {
		want := int32(0)
		if i >= abi.MaxHandles {
			want = -int32(abi.Limit)
		}
		if code := g.call(t, abi.FnCall, at, n, 0, 0, 500); code != want {
			t.Fatalf("stream %d: %d, want %d", i, code, want)
		}
		if closed := all[i].closed; closed != int(-want)/int(abi.Limit) {
			t.Fatalf("stream %d was closed %d times", i, closed)
		}
	}
	g.session.End()
	for i, s := range all {
		if s.closed != 1 {
			t.Errorf("stream %d was closed %d times", i, s.closed)
		}
	}
}
