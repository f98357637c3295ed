package enginetest

import (
	"math"

	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
)

// Pages is the size of the test guest's initial memory.
const pages = 3

// greeting is what the test guest's data segment puts at address 100.
const greeting = "hello from a data segment"

// Globals of the test guest and their initial values.
var initialGlobals = []uint64{
	5, 1 << 40, uint64(math.Float32bits(1.5)), math.Float64bits(2.5), 0x7fa0_1234, // the last one a NaN with a payload
}

// Program returns the test guest. Its exports are one for each thing that a
// guest can do to an engine.
func Program() []byte {
	b := &program{Module: wt.New(pages, 0)}
	b.imports()
	b.globals()
	b.Data(wt.I32Const(100), []byte(greeting))
	b.hostCalls()
	b.memory()
	b.faults()
	b.loops()
	b.Custom("name", wt.Names(b.names, b.order...))
	return b.Bytes()
}

type program struct {
	*wt.Module
	none, add, fail, wait, fill, eight, exit uint32
	names                                    map[uint32]string
	order                                    []uint32
}

var (
	noTypes = []byte(nil)
	oneI32  = []byte{wt.I32}
	twoI32  = []byte{wt.I32, wt.I32}
	oneI64  = []byte{wt.I64}
	mixed   = []byte{wt.I32, wt.I64, wt.I32, wt.I64, wt.I32, wt.I64, wt.I32, wt.I64}
)

func (b *program) imports() {
	b.none = b.Import("test", "none", nil, nil)
	b.add = b.Import("test", "add", []byte{wt.I32, wt.I64}, oneI64)
	b.fail = b.Import("test", "fail", nil, nil)
	b.wait = b.Import("test", "wait", oneI32, oneI32)
	b.fill = b.Import("test", "fill", []byte{wt.I32, wt.I32, wt.I32}, oneI32)
	b.eight = b.Import("test", "eight", mixed, oneI64)
	b.exit = b.Import("wasi_snapshot_preview1", "proc_exit", oneI32, nil)
}

func (b *program) globals() {
	b.Global(wt.I32, true, wt.I32Const(5))
	b.Global(wt.I64, true, wt.I64Const(1<<40))
	b.Global(wt.F32, true, wt.F32Const(1.5))
	b.Global(wt.F64, true, wt.F64Const(2.5))
	b.Global(wt.F32, true, wt.Op(0x43, 0x34, 0x12, 0xa0, 0x7f))
	b.Global(wt.I32, false, wt.I32Const(77))
}

// fn adds an exported function with a name in the name section.
func (b *program) fn(name string, params, results []byte, body ...[]byte) uint32 {
	i := b.Func(wt.Func{Export: name, Params: params, Results: results, Body: wt.Code(body...)})
	if b.names == nil {
		b.names = map[uint32]string{}
	}
	b.names[i] = name
	b.order = append(b.order, i)
	return i
}

func (b *program) hostCalls() {
	b.fn("echo", oneI64, oneI64, wt.LocalGet(0))
	b.fn("negative", noTypes, oneI32, wt.I32Const(-1))
	b.fn("nothing", nil, nil, wt.Call(b.none))
	b.fn("add", []byte{wt.I32, wt.I64}, oneI64, wt.LocalGet(0), wt.LocalGet(1), wt.Call(b.add))
	eight := make([][]byte, 0, len(mixed)+1)
	for i := range mixed {
		eight = append(eight, wt.LocalGet(uint32(i)))
	}
	b.fn("eight", mixed, oneI64, append(eight, wt.Call(b.eight))...)
	b.fn("fail", nil, oneI32, wt.Call(b.fail), wt.I32Const(1))
	b.fn("wait", oneI32, oneI32, wt.LocalGet(0), wt.Call(b.wait))
	b.fn("host_fill", []byte{wt.I32, wt.I32, wt.I32}, oneI32, wt.LocalGet(0), wt.LocalGet(1), wt.LocalGet(2), wt.Call(b.fill))
	b.fn("exit", oneI32, nil, wt.LocalGet(0), wt.Call(b.exit))
}

func (b *program) memory() {
	b.fn("size", nil, oneI32, wt.MemorySize)
	b.fn("grow", oneI32, oneI32, wt.LocalGet(0), wt.MemoryGrow)
	b.fn("load", oneI32, oneI32, wt.LocalGet(0), wt.I32Load(0))
	b.fn("store", twoI32, nil, wt.LocalGet(0), wt.LocalGet(1), wt.I32Store(0))
	b.fn("fill", []byte{wt.I32, wt.I32, wt.I32}, nil, wt.LocalGet(0), wt.LocalGet(1), wt.LocalGet(2), wt.MemoryFill)
	b.fn("copy", []byte{wt.I32, wt.I32, wt.I32}, nil, wt.LocalGet(0), wt.LocalGet(1), wt.LocalGet(2), wt.MemoryCopy)
	// bump changes every mutable global and returns the first.
	b.fn("bump", nil, oneI32,
		wt.GlobalGet(0), wt.I32Const(1), wt.I32Add, wt.GlobalSet(0),
		wt.GlobalGet(1), wt.I64Const(1), wt.I64Add, wt.GlobalSet(1),
		wt.GlobalGet(2), wt.F32Const(1), wt.Op(0x92), wt.GlobalSet(2),
		wt.GlobalGet(3), wt.F64Const(1), wt.Op(0xa0), wt.GlobalSet(3),
		wt.F32Const(0), wt.GlobalSet(4),
		wt.GlobalGet(0))
}

func (b *program) faults() {
	b.fn("unreachable", nil, nil, wt.Unreachable)
	b.fn("divide", twoI32, oneI32, wt.LocalGet(0), wt.LocalGet(1), wt.I32DivS)
	b.fn("truncate", nil, oneI32, wt.F32Const(float32(math.Inf(1))), wt.I32TruncF32)
	b.fn("nan", nil, oneI32, wt.F32Const(float32(math.NaN())), wt.I32TruncF32)
	b.fn("beyond", nil, oneI32, wt.I32Const(-1), wt.I32Load(0xffff_ffff))
	b.Table(4, 4)
	typ := b.Type(nil, oneI32)
	good := b.fn("good", nil, oneI32, wt.I32Const(42))
	bad := b.fn("bad", oneI64, nil, wt.Op(0x01))
	b.Elements(0, good, bad)
	b.fn("indirect", oneI32, oneI32, wt.LocalGet(0), wt.CallIndirect(typ))
	inner := b.fn("inner", nil, nil, wt.Unreachable)
	b.fn("outer", nil, nil, wt.Call(inner))
}

func (b *program) loops() {
	b.fn("spin", nil, nil, wt.Loop, wt.Br(0), wt.End)
	b.fn("spin_entered", nil, nil, wt.I32Const(0), wt.Call(b.wait), wt.Drop, wt.Loop, wt.Br(0), wt.End)
	b.fn("spin_host", nil, nil, wt.Loop, wt.Call(b.none), wt.Br(0), wt.End)
	b.fn("spin_grow", nil, nil, wt.Loop, wt.I32Const(1), wt.MemoryGrow, wt.Drop, wt.Br(0), wt.End)
	b.fn("spin_fill", nil, nil, wt.Loop,
		wt.I32Const(0), wt.I32Const(7), wt.MemorySize, wt.I32Const(16), wt.Op(0x74), wt.MemoryFill, wt.Br(0), wt.End)
	b.fn("spin_copy", nil, nil, wt.Loop,
		wt.I32Const(1), wt.I32Const(0), wt.MemorySize, wt.I32Const(16), wt.Op(0x74), wt.I32Const(1), wt.I32Sub,
		wt.MemoryCopy, wt.Br(0), wt.End)
	self := b.Next()
	b.fn("recurse", nil, nil, wt.Call(self), wt.Call(self))
	self = b.Next()
	b.fn("tree", oneI32, oneI32, // 2^n calls, n deep
		wt.LocalGet(0), wt.I32Eqz, wt.If, wt.I32Const(1), wt.Return, wt.End,
		wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(self),
		wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(self), wt.I32Add)
	b.fn("count", oneI32, oneI32, // counts down in a loop
		wt.Loop, wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.LocalTee(0), wt.BrIf(0), wt.End, wt.LocalGet(0))
}
