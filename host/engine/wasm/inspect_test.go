package wasm_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/wasm"
)

// known offers env.f(i32, i64) -> i32.
func known(module, name string) (params, results []byte, ok bool) {
	if module == "env" && name == "f" {
		return []byte{wt.I32, wt.I64}, []byte{wt.I32}, true
	}
	return nil, nil, false
}

// refused inspects code that must be refused, and returns the message.
func refused(t *testing.T, code []byte, known wasm.Known) string {
	t.Helper()
	m, err := wasm.Inspect(code, known)
	if err == nil {
		t.Fatalf("accepted a module with exports %v", m.Exports)
	}
	var he *host.Error
	if !errors.As(err, &he) || he.Code != abi.Invalid || he.Field != "module" {
		t.Fatalf("error %#v, want a *host.Error with code invalid about field module", err)
	}
	return he.Message
}

func accepted(t *testing.T, code []byte, known wasm.Known) *wasm.Module {
	t.Helper()
	m, err := wasm.Inspect(code, known)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// example is a module with a bit of everything.
func example() *wt.Module {
	m := wt.New(2, 10)
	m.Import("env", "f", []byte{wt.I32, wt.I64}, []byte{wt.I32})
	m.Global(wt.I32, true, wt.I32Const(-2))
	m.Global(wt.I64, false, wt.I64Const(1000))
	m.Global(wt.I64, true, wt.I64Const(7), wt.I64Const(2), wt.I64Mul)
	m.Global(wt.F32, true, wt.F32Const(1.5))
	m.Global(wt.F64, true, wt.F64Const(-2.5))
	start := m.Func(wt.Func{Body: wt.Code(wt.I32Const(9), wt.GlobalSet(0))})
	m.Start(start)
	m.Func(wt.Func{Export: "run", Params: []byte{wt.I32, wt.F64}, Results: []byte{wt.I64}, Body: wt.I64Const(1)})
	m.Data(wt.I32Const(16), []byte("first"))
	m.PassiveData(nil)
	m.Data(wt.Code(wt.I32Const(10), wt.I32Const(10), wt.I32Add), []byte("second"))
	m.Data(wt.I32Const(17), []byte("X"))
	m.Custom("producers", []byte("dropped"))
	m.Custom("name", wt.Names(map[uint32]string{1: "start", 2: "run"}, 1, 2))
	return m
}

func TestInspect(t *testing.T) {
	code := example().Bytes()
	original := bytes.Clone(code)
	m := accepted(t, code, known)
	if !bytes.Equal(code, original) {
		t.Error("the original was changed")
	}
	want := &wasm.Module{
		Imports: []wasm.Import{{Module: "env", Name: "f", Params: []byte{wt.I32, wt.I64}, Results: []byte{wt.I32}}},
		Exports: []wasm.Export{{Name: "run", Params: []byte{wt.I32, wt.F64}, Results: []byte{wt.I64}}},
		Globals: []wasm.Global{
			{Export: "serai:global:0", Type: wt.I32, Initial: 0xffff_fffe},
			{Export: "serai:global:2", Type: wt.I64, Initial: 14},
			{Export: "serai:global:3", Type: wt.F32, Initial: 0x3fc0_0000},
			{Export: "serai:global:4", Type: wt.F64, Initial: 0xc004_0000_0000_0000},
		},
		MemoryMin: 2 * wasm.PageSize, MemoryMax: 10 * wasm.PageSize,
		StartExport: "serai:start", HasNames: true,
	}
	if diff := cmp.Diff(want, m, cmpopts.IgnoreUnexported(wasm.Module{}, wasm.Global{}),
		cmpopts.IgnoreFields(wasm.Module{}, "Digest", "Code")); diff != "" {
		t.Errorf("module (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(m.Digest, "sha256:") || len(m.Digest) != 7+64 {
		t.Errorf("digest %q", m.Digest)
	}
	if diff := cmp.Diff([]uint64{0xffff_fffe, 14, 0x3fc0_0000, 0xc004_0000_0000_0000}, m.InitialGlobals()); diff != "" {
		t.Errorf("initial globals (-want +got):\n%s", diff)
	}
}

func TestInitialMemory(t *testing.T) {
	m := accepted(t, example().Bytes(), nil)
	mem := make([]byte, m.MemoryMin)
	if err := m.InitialMemory(mem); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, len(mem))
	copy(want[16:], "fXrssecond") // the segments apply in their order
	if !bytes.Equal(mem, want) {
		t.Errorf("memory %q", mem[:40])
	}
	if err := m.InitialMemory(mem[:20]); err == nil {
		t.Error("applied to a memory that is too small")
	}
	for _, content := range []string{"first", "second"} {
		if bytes.Contains(m.Code, []byte(content)) {
			t.Errorf("the rewritten module still holds %q", content)
		}
	}
}

// TestRewriteAgain inspects what the rewrite made: it refuses its own names,
// and a module without additions passes unchanged in what it means.
func TestRewriteAgain(t *testing.T) {
	m := accepted(t, example().Bytes(), known)
	if got := refused(t, m.Code, known); !strings.Contains(got, `names that begin with "serai:"`) {
		t.Errorf("message %q", got)
	}
	plain := wt.New(1, 0)
	plain.Func(wt.Func{Export: "f"})
	first := accepted(t, plain.Bytes(), nil)
	if !bytes.Equal(first.Code, plain.Bytes()) {
		t.Errorf("the rewrite changed a module that needs none")
	}
}

func TestMemoryExport(t *testing.T) {
	m := &wt.Module{}
	m.Memory(1, 0)
	m.Func(wt.Func{Export: "f"})
	got := accepted(t, m.Bytes(), nil)
	if !bytes.Contains(got.Code, []byte("\x06memory\x02\x00")) {
		t.Error("the memory is not exported")
	}
	if got.MemoryMax != 0 {
		t.Errorf("maximum %d of a memory that declares none", got.MemoryMax)
	}
}

func TestExports(t *testing.T) {
	m := accepted(t, example().Bytes(), known)
	if !m.HasExport("run") || m.HasExport("memory") || m.HasExport(wasm.StartExport) {
		t.Error("HasExport is about the functions that the author exports")
	}
	params, results, ok := m.ExportSignature("run")
	if !ok || wasm.Signature(params, results) != "(i32, f64) -> i64" {
		t.Errorf("signature %s, %v", wasm.Signature(params, results), ok)
	}
	if _, _, ok := m.ExportSignature("absent"); ok {
		t.Error("an absent function has a signature")
	}
}

func TestFresh(t *testing.T) {
	tests := map[string]struct {
		build func(m *wt.Module) []byte // returns a body
		want  bool
	}{
		"memory only": {func(*wt.Module) []byte { return wt.Code(wt.I32Const(0), wt.I32Const(0), wt.I32Store(0)) }, false},
		"table.get":   {func(m *wt.Module) []byte { m.Table(1, 1); return wt.Code(wt.I32Const(0), wt.Op(0x25, 0), wt.Drop) }, false},
		"table.set": {func(m *wt.Module) []byte {
			m.Table(1, 1)
			return wt.Code(wt.I32Const(0), wt.RefNull(wt.FuncRef), wt.Op(0x26, 0))
		}, true},
		"table.grow": {func(m *wt.Module) []byte {
			m.Table(1, 1)
			return wt.Code(wt.RefNull(wt.FuncRef), wt.I32Const(0), wt.Op(0xfc, 15, 0), wt.Drop)
		}, true},
		"table.fill": {func(m *wt.Module) []byte {
			m.Table(1, 1)
			return wt.Code(wt.I32Const(0), wt.RefNull(wt.FuncRef), wt.I32Const(0), wt.Op(0xfc, 17, 0))
		}, true},
		"table.copy": {func(m *wt.Module) []byte {
			m.Table(1, 1)
			return wt.Code(wt.I32Const(0), wt.I32Const(0), wt.I32Const(0), wt.Op(0xfc, 14, 0, 0))
		}, true},
		"elem.drop":          {func(m *wt.Module) []byte { m.Table(1, 1); m.PassiveElements(0); return wt.Op(0xfc, 13, 0) }, true},
		"drops active data":  {func(m *wt.Module) []byte { m.CountData(); m.Data(wt.I32Const(0), []byte("a")); return wt.DataDrop(0) }, false},
		"drops passive data": {func(m *wt.Module) []byte { m.PassiveData([]byte("a")); return wt.DataDrop(0) }, true},
		"drops nothing":      {func(m *wt.Module) []byte { m.PassiveData(nil); return wt.DataDrop(0) }, false},
		"memory.init": {func(m *wt.Module) []byte {
			m.PassiveData([]byte("a"))
			return wt.Code(wt.I32Const(0), wt.I32Const(0), wt.I32Const(1), wt.MemoryInit(0))
		}, false},
		"reference global":   {func(m *wt.Module) []byte { m.Global(wt.FuncRef, true, wt.RefNull(wt.FuncRef)); return nil }, true},
		"constant reference": {func(m *wt.Module) []byte { m.Global(wt.FuncRef, false, wt.RefNull(wt.FuncRef)); return nil }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := wt.New(1, 0)
			body := test.build(m)
			m.Func(wt.Func{Export: "f", Body: body})
			got := accepted(t, m.Bytes(), nil)
			if got.Fresh != test.want {
				t.Errorf("Fresh = %v, want %v", got.Fresh, test.want)
			}
			compiles(t, m.Bytes(), true)
			compiles(t, got.Code, true)
		})
	}
}
