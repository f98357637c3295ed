package hosttest_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/control/client"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/hosttest"
)

// handle is serai_handle with the body.
func handle(body ...[]byte) wt.Func {
	return wt.Func{Export: "serai_handle", Params: []byte{wt.I32, wt.I32}, Results: []byte{wt.I32}, Locals: []byte{wt.I32, wt.I32}, Body: wt.Code(body...)}
}

// abiModule is a module that imports the whole ABI.
type abiModule struct {
	*wt.Module
	fn map[string]uint32
}

func newABI() *abiModule {
	m := &abiModule{wt.New(2, 0), make(map[string]uint32)}
	for name, params := range map[string]int{"call": 5, "read": 3, "write": 3, "close": 1, "reply": 4, "log": 3, "random": 2} {
		m.fn[name] = m.Import("serai_v1", name, []byte(strings.Repeat(string(wt.I32), params)), []byte{wt.I32})
	}
	m.fn["time"] = m.Import("serai_v1", "time", []byte{wt.I32}, []byte{wt.I64})
	return m
}

// do calls a function of the ABI with constant arguments.
func (m *abiModule) do(name string, args ...int32) []byte {
	var b []byte
	for _, a := range args {
		b = append(b, wt.I32Const(a)...)
	}
	return append(b, wt.Call(m.fn[name])...)
}

// tell answers with the i32 that is on the stack, four bytes.
func (m *abiModule) tell(value ...[]byte) []byte {
	return wt.Code(wt.I32Const(0), wt.Code(value...), wt.I32Store(0), m.do("write", 0, 0, 4), wt.Drop, wt.I32Const(0))
}

// echoModule answers with the request's body, of at most a page.
func echoModule() []byte {
	m := newABI()
	m.Func(handle(
		// The envelope goes to the second page, the body to the first.
		wt.I32Const(0), wt.I32Const(65536), wt.LocalGet(0), wt.Call(m.fn["read"]), wt.Drop,
		wt.I32Const(0), wt.I32Const(0), wt.LocalGet(1), wt.Call(m.fn["read"]), wt.Drop,
		wt.I32Const(0), wt.I32Const(0), wt.LocalGet(1), wt.Call(m.fn["write"]), wt.Drop,
		wt.I32Const(0)))
	return m.Bytes()
}

// told is the i32 that tell answered with.
func told(t testing.TB, r hosttest.Reply) int32 {
	t.Helper()
	if r.Status != 200 || len(r.Body) != 4 {
		t.Errorf("%d %q", r.Status, short(r.Body))
		return 0
	}
	return int32(binary.LittleEndian.Uint32([]byte(r.Body)))
}

// TestHostilePointers calls every function of the ABI with arguments that
// point nowhere. The guest learns of it; the host and the next call do not.
func TestHostilePointers(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	const page2 = 2 * 65536
	invalid, large, conflict := -int32(abi.Invalid), -int32(abi.TooLarge), -int32(abi.Conflict)
	for i, c := range []struct {
		name string
		args []int32
		want int32
	}{
		{"read", []int32{0, page2, 1}, invalid},
		{"read", []int32{0, -1, 2}, invalid},
		{"read", []int32{0, 1, -1}, invalid},
		{"read", []int32{0, -2147483648, -2147483648}, invalid},
		{"read", []int32{1, 0, 1}, invalid},
		{"read", []int32{-1, 0, 1}, invalid},
		{"read", []int32{256, 0, 1}, invalid},
		{"read", []int32{0, page2, 0}, 0},
		{"write", []int32{0, page2 - 1, 2}, invalid},
		{"write", []int32{0, 0, -1}, invalid},
		{"write", []int32{1, 0, 1}, invalid},
		{"write", []int32{0, page2, 0}, 0},
		{"close", []int32{0}, invalid},
		{"close", []int32{1}, invalid},
		{"close", []int32{-1}, invalid},
		{"close", []int32{2147483647}, invalid},
		{"reply", []int32{page2, 4, 0, 0}, invalid},
		{"reply", []int32{0, 4, page2, 1}, invalid},
		{"reply", []int32{-4, 8, 0, 0}, invalid},
		{"reply", []int32{0, 3, 0, 0}, invalid},
		{"log", []int32{20, page2, 1}, invalid},
		{"log", []int32{20, 0, -1}, large},
		{"log", []int32{-1, 0, 1}, 0},
		{"random", []int32{page2 - 1, 2}, invalid},
		{"random", []int32{0, -1}, large},
		{"random", []int32{0, 1<<20 + 1}, large},
		{"call", []int32{0, 0, 0, 0, page2 - 11}, invalid},
		{"call", []int32{0, 0, 0, 0, -1}, invalid},
		{"call", []int32{page2, 1, 0, 0, 0}, invalid},
		{"call", []int32{0, 4, page2 - 1, 2, 16}, invalid},
		{"call", []int32{0, 4, 0, -1, 16}, invalid},
		{"call", []int32{0, 4, 0, 0, 16}, -int32(abi.Unsupported)}, // an empty envelope names no operation
	} {
		m := newABI()
		m.Func(handle(m.tell(m.do(c.name, c.args...))))
		name := fmt.Sprint("p", i)
		h.Deploy(name, hosttest.Module(m.Bytes()), hosttest.Routes("GET /"+name))
		for range 2 {
			if got := told(t, h.Call("GET", "/"+name, "")); got != c.want {
				t.Errorf("%s%v = %d, want %d", c.name, c.args, got, c.want)
			}
		}
	}
	m := newABI()
	m.Func(handle(m.do("reply", 64, 4, 0, 0), wt.Drop, m.tell(m.do("reply", 64, 4, 0, 0))))
	h.Deploy("twice", hosttest.Module(m.Bytes()), hosttest.Routes("GET /twice"))
	if got := told(t, h.Call("GET", "/twice", "")); got != conflict {
		t.Errorf("a second reply = %d, want %d", got, conflict)
	}
}

// TestHostileEnvelopes replies with envelopes that lie about themselves.
func TestHostileEnvelopes(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	le := func(numbers ...uint32) (b []byte) {
		for _, n := range numbers {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		return b
	}
	field := func(name, value string) []byte {
		return append(le(uint32(len(name)), uint32(len(value))), name+value...)
	}
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	for name, env := range map[string][]byte{
		"count":          le(0xffffffff),
		"many":           join(le(1025), []byte(strings.Repeat(string(field("a", "")), 1025))),
		"name length":    join(le(1, 0xffffffff, 0), []byte("a")),
		"value length":   join(le(1, 1, 0xffffffff), []byte("a")),
		"both lengths":   join(le(1, 0x80000000, 0x80000000), []byte("a")),
		"trailing":       join(le(0), []byte("x")),
		"truncated":      join(le(1), field("status", "200")[:9]),
		"empty name":     join(le(1), field("", "x")),
		"name of spaces": join(le(1), field("a b", "x")),
		"status 0":       join(le(1), field("status", "0")),
		"status 600":     join(le(1), field("status", "600")),
		"status 100":     join(le(1), field("status", "100")),
		"status text":    join(le(1), field("status", "OK")),
		"header line":    join(le(1), field("header.x", "a\r\nb: c")),
		"header name":    join(le(1), field("header.x:y", "a")),
		"header zero":    join(le(1), field("header.x", "a\x00b")),
	} {
		m := newABI()
		m.Data(wt.I32Const(1024), env)
		m.Func(handle(m.do("reply", 1024, int32(len(env)), 0, 0), wt.LocalSet(2), wt.I32Const(0), wt.LocalGet(2), wt.I32Sub))
		h.Deploy("e", hosttest.Module(m.Bytes()), hosttest.Routes("GET /e"))
		r := h.Call("GET", "/e", "")
		refused(t, r, 500, "failed")
		if f := failureOf(t, h, r); !strings.Contains(f.Message, "refused") {
			t.Errorf("%s: the log says %+v", name, f)
		}
	}
}

// TestGuestsArePristine has modules change everything that a call can.
func TestGuestsArePristine(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	table := func(change ...[]byte) []byte {
		m := newABI()
		typ := m.Type(nil, []byte{wt.I32})
		m.Table(4, 100)
		one := m.Func(wt.Func{Results: []byte{wt.I32}, Body: wt.I32Const(1)})
		two := m.Func(wt.Func{Results: []byte{wt.I32}, Body: wt.I32Const(2)})
		m.Elements(0, one, two)
		m.PassiveElements(two, two, two)
		m.Func(handle(
			wt.I32Const(0), wt.CallIndirect(typ), wt.LocalSet(2),
			wt.Code(change...),
			m.tell(wt.LocalGet(2))))
		m.Export("f1", wt.FuncKind, one)
		m.Export("f2", wt.FuncKind, two)
		return m.Bytes()
	}
	size := func(change ...[]byte) []byte {
		m := newABI()
		m.Func(handle(wt.MemorySize, wt.LocalSet(2), wt.Code(change...), m.tell(wt.LocalGet(2))))
		return m.Bytes()
	}
	global := newABI()
	g := global.Global(wt.I32, true, wt.I32Const(0))
	global.Func(handle(wt.GlobalGet(g), wt.I32Const(1), wt.I32Add, wt.GlobalSet(g), global.tell(wt.GlobalGet(g))))
	memory := newABI()
	memory.Data(wt.I32Const(4096), []byte{1, 0, 0, 0})
	memory.Func(handle(
		wt.I32Const(4096), wt.I32Load(0), wt.LocalSet(2),
		wt.I32Const(0), wt.I32Const(0x5a), wt.I32Const(2*65536), wt.MemoryFill,
		memory.tell(wt.LocalGet(2))))
	drop := newABI()
	seg := drop.PassiveData([]byte{1, 0, 0, 0})
	drop.Func(handle(
		wt.I32Const(64), wt.I32Const(0), wt.I32Const(4), wt.MemoryInit(seg), wt.DataDrop(seg),
		drop.tell(wt.I32Const(64), wt.I32Load(0))))
	started := newABI()
	s := started.Global(wt.I32, true, wt.I32Const(0))
	started.Start(started.Func(wt.Func{Body: wt.Code(wt.GlobalGet(s), wt.I32Const(1), wt.I32Add, wt.GlobalSet(s))}))
	started.Func(handle(wt.GlobalGet(s), wt.LocalSet(2), wt.I32Const(9), wt.GlobalSet(s), started.tell(wt.LocalGet(2))))
	for _, c := range []struct {
		name string
		code []byte
		want int32
	}{
		{"table.set", table(wt.I32Const(0), wt.RefFunc(9), wt.Op(0x26, 0)), 1},
		{"table.fill", table(wt.I32Const(0), wt.RefFunc(9), wt.I32Const(4), wt.Op(0xfc, 17, 0)), 1},
		{"table.copy", table(wt.I32Const(0), wt.I32Const(1), wt.I32Const(1), wt.Op(0xfc, 14, 0, 0)), 1},
		{"table.init", table(wt.I32Const(0), wt.I32Const(0), wt.I32Const(1), wt.Op(0xfc, 12, 1, 0)), 1},
		{"table.grow", table(wt.RefNull(wt.FuncRef), wt.I32Const(5), wt.Op(0xfc, 15, 0), wt.Drop, wt.I32Const(0), wt.RefFunc(9), wt.Op(0x26, 0)), 1},
		{"elem.drop", table(wt.Op(0xfc, 13, 1)), 1},
		{"memory.grow", size(wt.I32Const(10), wt.MemoryGrow, wt.Drop), 2},
		{"memory.grow too much", size(wt.I32Const(60000), wt.MemoryGrow, wt.Drop), 2},
		{"globals", global.Bytes(), 1},
		{"memory", memory.Bytes(), 1},
		{"data.drop", drop.Bytes(), 1},
		{"start function", started.Bytes(), 1},
	} {
		h.Deploy("g", hosttest.Module(c.code), hosttest.Routes("GET /g"))
		for i := range 4 {
			if got := told(t, h.Call("GET", "/g", "")); got != c.want {
				t.Errorf("%s: call %d found %d, want %d", c.name, i, got, c.want)
			}
		}
	}
}

// TestHostileModules has modules that trap, never end or answer nonsense.
func TestHostileModules(t *testing.T) {
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	const timeout = 300 * time.Millisecond
	settings := limits("GET /g", func(l *client.Limits) { l.Timeout = duration(timeout); l.CPU = duration(time.Minute) })
	module := func(body ...[]byte) []byte {
		m := newABI()
		m.Func(handle(body...))
		return m.Bytes()
	}
	self := newABI()
	i := self.Next()
	self.Func(handle(wt.LocalGet(0), wt.LocalGet(1), wt.Call(i), wt.Drop, wt.LocalGet(0), wt.LocalGet(1), wt.Call(i)))
	tree := newABI()
	f := tree.Next()
	tree.Func(wt.Func{Params: []byte{wt.I32}, Results: []byte{wt.I32}, Body: wt.Code(
		wt.LocalGet(0), wt.I32Eqz, wt.If, wt.I32Const(1), wt.Return, wt.End,
		wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(f), wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(f), wt.I32Add)})
	tree.Func(handle(wt.I32Const(64), wt.Call(f)))
	flood := newABI()
	flood.Func(handle(wt.Loop, flood.do("log", 20, 0, 1000), wt.Drop, wt.Br(0), wt.End, wt.I32Const(0)))
	random := newABI()
	random.Func(handle(wt.Loop, random.do("random", 0, 65536), wt.Drop, wt.Br(0), wt.End, wt.I32Const(0)))
	writes := newABI()
	writes.Func(handle(wt.Loop, writes.do("write", 0, 0, 65536), wt.Drop, wt.Br(0), wt.End, wt.I32Const(0)))
	for _, c := range []struct {
		name   string
		code   []byte
		status int
		is     string
	}{
		{"unreachable", module(wt.Unreachable), 500, "failed"},
		{"out of bounds", module(wt.I32Const(-1), wt.I32Load(0)), 500, "failed"},
		{"divide by zero", module(wt.I32Const(1), wt.I32Const(0), wt.I32DivS), 500, "failed"},
		{"recursion", self.Bytes(), 500, "failed"},
		{"exponential recursion", tree.Bytes(), 504, "timeout"},
		{"loop", module(wt.Loop, wt.Br(0), wt.End, wt.I32Const(0)), 504, "timeout"},
		{"memory.fill without end", module(wt.Loop, wt.I32Const(0), wt.I32Const(1), wt.I32Const(2*65536), wt.MemoryFill, wt.Br(0), wt.End, wt.I32Const(0)), 504, "timeout"},
		{"memory.grow without end", module(wt.Loop, wt.I32Const(1), wt.MemoryGrow, wt.Drop, wt.Br(0), wt.End, wt.I32Const(0)), 504, "timeout"},
		{"log without end", flood.Bytes(), 504, "timeout"},
		{"random without end", random.Bytes(), 504, "timeout"},
		{"write without end", writes.Bytes(), 504, "timeout"},
		{"code 1", module(wt.I32Const(1)), 500, "failed"},
		{"code 13, which is the host's", module(wt.I32Const(13)), 500, "failed"},
		{"code 14, which is none", module(wt.I32Const(14)), 500, "failed"},
		{"code -1", module(wt.I32Const(-1)), 500, "failed"},
		{"code -2147483648", module(wt.I32Const(-2147483648)), 500, "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.Deploy("g", hosttest.Module(c.code), settings)
			start := time.Now()
			refused(t, h.Call("GET", "/g", ""), c.status, c.is)
			took := time.Since(start)
			if c.status == 504 {
				t.Logf("%v after the deadline", took-timeout)
			}
			if took > timeout+slack {
				t.Errorf("took %v", took)
			}
		})
	}
	for name, code := range map[string]func(*abiModule){
		"a start function that loops": func(m *abiModule) {
			m.Start(m.Func(wt.Func{Body: wt.Code(wt.Loop, wt.Br(0), wt.End)}))
		},
		"a start function that traps": func(m *abiModule) { m.Start(m.Func(wt.Func{Body: wt.Unreachable})) },
		"serai_init that loops": func(m *abiModule) {
			m.Func(wt.Func{Export: "serai_init", Params: []byte{wt.I32, wt.I32}, Results: []byte{wt.I32}, Body: wt.Code(wt.Loop, wt.Br(0), wt.End, wt.I32Const(0))})
		},
		"serai_init that refuses": func(m *abiModule) {
			m.Func(wt.Func{Export: "serai_init", Params: []byte{wt.I32, wt.I32}, Results: []byte{wt.I32}, Body: wt.I32Const(2)})
		},
		"data beyond memory": func(m *abiModule) { m.Data(wt.I32Const(2*65536-1), []byte("xy")) },
	} {
		m := newABI()
		m.Func(handle(wt.I32Const(0)))
		code(m)
		start := time.Now()
		_, err := h.Operator.Deploy(t.Context(), "default", "s", hosttest.Module(m.Bytes()), settings)
		if e, known := err.(*client.Error); !known || e.Code == "internal" { //nolint:errorlint // the client returns it as it is
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 2*time.Second+slack {
			t.Errorf("%s: refused after %v", name, took)
		}
	}
}

// TestHeldResults opens results of operations until the host says stop.
func TestHeldResults(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	env := abi.Envelope{{Name: abi.FieldOp, Value: abi.OpKVList}}.Append(nil)
	m := newABI()
	m.Data(wt.I32Const(1024), env)
	m.Func(handle(
		wt.I32Const(1000), wt.LocalSet(2),
		wt.Loop,
		m.do("call", 1024, int32(len(env)), 0, 0, 64), wt.LocalTee(3), wt.I32Eqz,
		wt.LocalGet(2), wt.I32Const(1), wt.I32Sub, wt.LocalTee(2), wt.I32Eqz, wt.I32Eqz, wt.Op(0x71), // and
		wt.BrIf(0), wt.End,
		m.tell(wt.LocalGet(3))))
	h.Deploy("held", hosttest.Module(m.Bytes()), hosttest.Routes("GET /held"))
	for range 3 {
		if got := told(t, h.Call("GET", "/held", "")); got != -int32(abi.Limit) {
			t.Errorf("result %d, want %d", got, -int32(abi.Limit))
		}
	}
	h.Deploy("echo", hosttest.Module(echoModule()), hosttest.Routes("POST /echo"))
	for _, n := range []int{0, 1, 65000} {
		ok(t, h.Call("POST", "/echo", strings.Repeat("x", n)), strings.Repeat("x", n))
	}
}
