package extism

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/seraihost/serai/host/engine/enginetest/wasmtest"
)

// sample is a plugin with what the rewriting looks at.
func sample() []byte {
	m := wasmtest.New(1, 2)
	get := m.Import(envModule, "var_get", []byte{wasmtest.I64}, []byte{wasmtest.I64})
	m.Import(envModule, "alloc", []byte{wasmtest.I64}, []byte{wasmtest.I64})
	m.Import(wasiModule, "proc_exit", []byte{wasmtest.I32}, nil)
	m.Func(wasmtest.Func{Export: "run", Locals: []byte{wasmtest.I32, wasmtest.I64}, Results: []byte{wasmtest.I32}, Body: wasmtest.Code(
		wasmtest.I64Const(0), wasmtest.Call(get), wasmtest.Drop,
		wasmtest.Block, wasmtest.I32Const(0), wasmtest.BrTable(0, 0, 0), wasmtest.End,
		wasmtest.I32Const(0), wasmtest.I32Const(0), wasmtest.I32Const(9), wasmtest.MemoryFill,
		wasmtest.F32Const(1), wasmtest.Drop, wasmtest.F64Const(1), wasmtest.Drop,
		wasmtest.Op(0xfd, 12), make([]byte, 16), wasmtest.Op(0xfd, 21, 3), wasmtest.Drop, // v128.const, i8x16.extract_lane_s
		wasmtest.I32Const(0))})
	m.Custom("name", []byte{0xff, 0xff})
	return m.Bytes()
}

func TestRewrite(t *testing.T) {
	out, m, err := rewrite(sample())
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out, []byte(namespace)); n != 1 {
		t.Errorf("%d imports are replaced", n)
	}
	if n := bytes.Count(out, emptyLoop); n != 2 {
		t.Errorf("%d empty loops", n)
	}
	if m.memoryMin != 64<<10 || len(m.exports) != 1 || m.exports[0].Name != "run" || len(m.exports[0].Results) != 1 || m.effort != 16 {
		t.Errorf("module %+v", m)
	}
	if !IsPlugin(sample()) {
		t.Error("the sample is no plugin")
	}
	plain := wasmtest.New(1, 0)
	plain.Import(wasiModule, "proc_exit", []byte{wasmtest.I32}, nil)
	if IsPlugin(plain.Bytes()) || IsPlugin(nil) || IsPlugin([]byte("#!/bin/sh")) {
		t.Error("anything is a plugin")
	}
}

// TestRewriteMemory gives a memory to a module that has none.
func TestRewriteMemory(t *testing.T) {
	var m wasmtest.Module
	m.Func(wasmtest.Func{Export: "run", Body: wasmtest.I32Const(0)[:0]})
	out, info, err := rewrite(m.Bytes())
	if err != nil || !info.hasMemory {
		t.Fatal(info, err)
	}
	r := wazero.NewRuntime(t.Context())
	defer r.Close(t.Context())
	if _, err := r.CompileModule(t.Context(), out); err != nil {
		t.Error(err)
	}
}

func TestRewriteRefuses(t *testing.T) {
	good := sample()
	for n := range good { // a module may end between two sections only
		if out, _, err := rewrite(good[:n]); err == nil && !bytes.HasPrefix(out, header) {
			t.Errorf("cut at %d: %x", n, out)
		}
	}
	if _, _, err := rewrite(good[:len(good)-1]); !errors.Is(err, errTruncated) {
		t.Errorf("cut at the end: %v", err)
	}
	var branches []byte
	for range mostBranches + 1 {
		branches = append(branches, wasmtest.Code(wasmtest.Block, wasmtest.End)...)
	}
	bodies := map[string][]byte{
		"atomic": {0xfe, 0, 0}, "tail call": {0x12, 0}, "exception": {0x06, 0x40}, "relaxed vector": {0xfd, 0x80, 0x02}, "branches": branches,
	}
	for name, body := range bodies {
		m := wasmtest.New(1, 0)
		m.Func(wasmtest.Func{Export: "run", Body: body})
		if _, _, err := rewrite(m.Bytes()); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	m := wasmtest.New(1, 0)
	m.Import(envModule, "alloc", []byte{wasmtest.I32}, nil)
	if _, _, err := rewrite(m.Bytes()); err == nil {
		t.Error("an import of another signature passes")
	}
	// A function with 2^32-1 groups of locals, a br_table with as many labels.
	for _, body := range [][]byte{{0xff, 0xff, 0xff, 0xff, 0x0f}, {0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f}} {
		code := append(append([]byte(nil), header...), codeSection)
		code = appendBytes(code, appendBytes([]byte{1}, body))
		if _, _, err := rewrite(code); err == nil {
			t.Errorf("%x passes", body)
		}
	}
}

// FuzzRewrite feeds modules of hostile authors. What wazero accepts before
// the rewriting it accepts afterwards, and neither panics.
func FuzzRewrite(f *testing.F) {
	f.Add(sample())
	f.Add(header)
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	f.Fuzz(func(t *testing.T, code []byte) {
		IsPlugin(code)
		out, _, err := rewrite(code)
		if err != nil || len(code) > 4096 {
			return
		}
		before, err := r.CompileModule(ctx, code)
		if err != nil {
			return
		}
		_ = before.Close(ctx)
		after, err := r.CompileModule(ctx, out)
		if err != nil {
			t.Fatalf("the rewritten module is not valid: %v", err)
		}
		_ = after.Close(ctx)
	})
}
