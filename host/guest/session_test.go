package guest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// fakeGuest is a guest's memory and session.
type fakeGuest struct {
	mem     []byte
	session *Session
}

func (g *fakeGuest) Memory() []byte { return g.mem }
func (g *fakeGuest) State() any     { return g.session }

func newGuest(ops ...connector.Op) *fakeGuest {
	s := &Session{Ops: connector.NewRegistry(ops...)}
	s.Scope.Limits = host.DefaultLimits()
	s.Scope.Quota = host.DefaultQuota()
	return &fakeGuest{make([]byte, 64<<10), s}
}

// call calls a host function and returns its i32 result.
func (g *fakeGuest) call(t testing.TB, name string, args ...uint32) int32 {
	t.Helper()
	for _, f := range Functions() {
		if f.Name != name {
			continue
		}
		stack := make([]uint64, 16)
		for i, a := range args {
			stack[i] = uint64(a)
		}
		if err := f.Do(context.Background(), g, stack); err != nil {
			t.Fatalf("%s%v ends the call: %v", name, args, err)
		}
		return int32(uint32(stack[0]))
	}
	t.Fatalf("no function %q", name)
	return 0
}

func (g *fakeGuest) put(at uint32, b []byte) (uint32, uint32) {
	copy(g.mem[at:], b)
	return at, uint32(len(b))
}

func echoOp() connector.Op {
	return connector.Op{Name: "test.echo", Do: func(_ context.Context, r *connector.Request) (*connector.Result, error) {
		if r.Envelope.Get("fail") != "" {
			return nil, host.Errorf(abi.Conflict, "it is so")
		}
		return &connector.Result{Envelope: abi.Envelope{{Name: "n", Value: "1"}}, Body: r.Body}, nil
	}}
}

func TestOperationRoundTrip(t *testing.T) {
	g := newGuest(echoOp())
	envAt, envLen := g.put(0, abi.Envelope{{Name: abi.FieldOp, Value: "test.echo"}}.Append(nil))
	bodyAt, bodyLen := g.put(1000, []byte("payload"))
	if code := g.call(t, abi.FnCall, envAt, envLen, bodyAt, bodyLen, 2000); code != 0 {
		t.Fatalf("call: %d", code)
	}
	r := abi.ParseResult(g.mem[2000:])
	if n := g.call(t, abi.FnRead, r.Handle, 3000, 60000); n != int32(r.EnvelopeLen+r.BodyLen) {
		t.Fatalf("read %d of %+v", n, r)
	}
	e, err := abi.Decode(g.mem[3000 : 3000+r.EnvelopeLen])
	if diff := cmp.Diff(abi.Envelope{{Name: "n", Value: "1"}}, e); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if body := string(g.mem[3000+r.EnvelopeLen:][:r.BodyLen]); body != "payload" {
		t.Errorf("body %q", body)
	}
	if n := g.call(t, abi.FnRead, r.Handle, 3000, 10); n != 0 {
		t.Errorf("reading past the end: %d", n)
	}
	if g.call(t, abi.FnClose, r.Handle) != 0 || g.call(t, abi.FnClose, r.Handle) != -int32(abi.Invalid) {
		t.Error("a handle closes once")
	}
}

func TestFailedOperationSaysWhy(t *testing.T) {
	g := newGuest(echoOp())
	at, n := g.put(0, abi.Envelope{{Name: abi.FieldOp, Value: "test.echo"}, {Name: "fail", Value: "1"}}.Append(nil))
	if code := g.call(t, abi.FnCall, at, n, 0, 0, 2000); code != -int32(abi.Conflict) {
		t.Fatalf("call: %d", code)
	}
	r := abi.ParseResult(g.mem[2000:])
	g.call(t, abi.FnRead, r.Handle, 3000, r.EnvelopeLen)
	e, err := abi.Decode(g.mem[3000 : 3000+r.EnvelopeLen])
	if err != nil || e.Get(abi.FieldErrorMessage) != "it is so" {
		t.Errorf("%v, %v", e, err)
	}
}

// TestHostileArguments gives every function pointers, lengths and handles
// that do not fit.
func TestHostileArguments(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   string
		args []uint32
		want abi.Code
	}{
		{"envelope beyond memory", abi.FnCall, []uint32{65000, 1000, 0, 0, 0}, abi.Invalid},
		{"length that wraps around", abi.FnCall, []uint32{8, 0xFFFFFFFF, 0, 0, 0}, abi.Invalid},
		{"result beyond memory", abi.FnCall, []uint32{0, 4, 0, 0, 65530}, abi.Invalid},
		{"envelope of garbage", abi.FnCall, []uint32{100, 50, 0, 0, 2000}, abi.Invalid},
		{"operation that does not exist", abi.FnCall, []uint32{0, 4, 0, 0, 2000}, abi.Unsupported},
		{"read into nowhere", abi.FnRead, []uint32{0, 65536, 1}, abi.Invalid},
		{"read of an unknown handle", abi.FnRead, []uint32{77, 0, 1}, abi.Invalid},
		{"read of the largest handle", abi.FnRead, []uint32{0xFFFFFFFF, 0, 1}, abi.Invalid},
		{"write to a handle", abi.FnWrite, []uint32{1, 0, 1}, abi.Invalid},
		{"close of the request", abi.FnClose, []uint32{0}, abi.Invalid},
		{"reply beyond memory", abi.FnReply, []uint32{0, 4, 65536, 1}, abi.Invalid},
		{"log beyond memory", abi.FnLog, []uint32{20, 65535, 2}, abi.Invalid},
		{"log record that is too long", abi.FnLog, []uint32{20, 0, abi.MaxLogRecord + 1}, abi.TooLarge},
		{"too much randomness", abi.FnRandom, []uint32{0, abi.MaxRandomBytes + 1}, abi.TooLarge},
		{"randomness beyond memory", abi.FnRandom, []uint32{65535, 2}, abi.Invalid},
	} {
		g := newGuest()
		for i := range 50 {
			g.mem[100+i] = 0xff
		}
		if got := g.call(t, c.fn, c.args...); got != -int32(c.want) {
			t.Errorf("%s: %d, want %d", c.name, got, -int32(c.want))
		}
	}
}

func TestHandlesAreBounded(t *testing.T) {
	g := newGuest(echoOp())
	at, n := g.put(0, abi.Envelope{{Name: abi.FieldOp, Value: "test.echo"}}.Append(nil))
	for i := range abi.MaxHandles {
		if code := g.call(t, abi.FnCall, at, n, 0, 0, 2000); code != 0 {
			t.Fatalf("call %d: %d", i, code)
		}
	}
	if code := g.call(t, abi.FnCall, at, n, 0, 0, 2000); code != -int32(abi.Limit) {
		t.Errorf("one handle too many: %d", code)
	}
	g.call(t, abi.FnClose, 5)
	if code := g.call(t, abi.FnCall, at, n, 0, 0, 2000); code != 0 {
		t.Errorf("after closing one: %d", code)
	}
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		name string
		env  abi.Envelope
		want abi.Code
	}{
		{"good", abi.Envelope{{Name: "status", Value: "201"}, {Name: "header.x-a", Value: "b"}}, abi.OK},
		{"status that is no number", abi.Envelope{{Name: "status", Value: "ok"}}, abi.Invalid},
		{"informational status", abi.Envelope{{Name: "status", Value: "101"}}, abi.Invalid},
		{"header with a line end", abi.Envelope{{Name: "header.x", Value: "a\r\nset-cookie: b"}}, abi.Invalid},
		{"header in upper case", abi.Envelope{{Name: "header.X", Value: "a"}}, abi.Invalid},
		{"header without a name", abi.Envelope{{Name: "header.", Value: "a"}}, abi.Invalid},
	} {
		g := newGuest()
		at, n := g.put(0, c.env.Append(nil))
		if got := g.call(t, abi.FnReply, at, n, 0, 0); got != -int32(c.want) {
			t.Errorf("%s: %d", c.name, got)
		}
		if c.want == abi.OK {
			if r := g.session.Reply(); r.Status != 201 || len(r.Headers) != 1 {
				t.Errorf("reply %+v", r)
			}
			if got := g.call(t, abi.FnReply, at, n, 0, 0); got != -int32(abi.Conflict) {
				t.Errorf("a second reply: %d", got)
			}
		}
	}
}

func TestReplyAndLogLimits(t *testing.T) {
	g := newGuest()
	g.session.Scope.Limits.ReplyBytes, g.session.Scope.Limits.LogBytes = 10, 10
	if got := g.call(t, abi.FnWrite, 0, 0, 10); got != 10 {
		t.Errorf("write within the limit: %d", got)
	}
	if got := g.call(t, abi.FnWrite, 0, 0, 1); got != -int32(abi.TooLarge) {
		t.Errorf("write over the limit: %d", got)
	}
	var lines []string
	g.session.Log = func(_ int, m string) { lines = append(lines, m) }
	for range 5 {
		g.session.Print(abi.LevelInfo, "12345")
	}
	if len(lines) != 3 || !strings.Contains(lines[2], "limit") {
		t.Errorf("log: %q", lines)
	}
}

func TestOperationsNeedAHandler(t *testing.T) {
	g := newGuest()
	g.session.Ops = nil // as during initialisation
	at, n := g.put(0, abi.Envelope{{Name: abi.FieldOp, Value: "kv.get"}}.Append(nil))
	if got := g.call(t, abi.FnCall, at, n, 0, 0, 2000); got != -int32(abi.Denied) {
		t.Errorf("operation while initialising: %d", got)
	}
}

func TestResultsThatAreClosedTakeNoRoom(t *testing.T) {
	released := 0
	g := newGuest(connector.Op{Name: "test.large", Do: func(context.Context, *connector.Request) (*connector.Result, error) {
		return &connector.Result{Body: make([]byte, 40<<20), Release: func() { released++ }}, nil
	}})
	at, n := g.put(0, abi.Envelope{{Name: abi.FieldOp, Value: "test.large"}}.Append(nil))
	for i := range 4 { // more together than a call may hold at a time
		if code := g.call(t, abi.FnCall, at, n, 0, 0, 2000); code != 0 {
			t.Fatalf("call %d: %d", i, code)
		}
		r := abi.ParseResult(g.mem[2000:])
		for g.call(t, abi.FnRead, r.Handle, 3000, 60000) > 0 {
		}
		if g.call(t, abi.FnClose, r.Handle) != 0 || released != i+1 {
			t.Errorf("result %d: %d were released", i, released)
		}
	}
}
