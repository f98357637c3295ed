package wasm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine/enginetest"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/wasm"
)

// compile says what an engine thinks of a module.
func compile(ctx context.Context, code []byte) error {
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(api.CoreFeaturesV2&^api.CoreFeatureSIMD|experimental.CoreFeaturesExtendedConst))
	m, err := r.CompileModule(ctx, code)
	if err == nil {
		err = m.Close(ctx)
	}
	return errors.Join(err, r.Close(ctx))
}

func compiles(t *testing.T, code []byte, want bool) {
	t.Helper()
	if err := compile(t.Context(), code); (err == nil) != want {
		t.Errorf("compiling: %v, want success: %v", err, want)
	}
}

// TestRewriteCompiles compiles originals and what the rewrite made of them.
func TestRewriteCompiles(t *testing.T) {
	modules := map[string][]byte{
		"example": example().Bytes(),
		"suite":   enginetest.Program(),
		"invalid": body(wt.I32Const(0)),
		"valid":   body(wt.I32Const(0), wt.Drop),
	}
	if !testing.Short() {
		modules["Go"] = enginetest.BuildWASI(t, "package main\n\nfunc main() { println(1) }\n")
	}
	files, err := filepath.Glob("testdata/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if modules[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, code := range modules {
		t.Run(name, func(t *testing.T) {
			m := accepted(t, code, nil)
			want := compile(t.Context(), code) == nil
			compiles(t, m.Code, want)
			if want == (name == "invalid") {
				t.Errorf("the original compiles: %v", want)
			}
		})
	}
}

// FuzzInspect looks for panics, for errors that say nothing to the author,
// and for modules whose rewrite an engine judges differently.
func FuzzInspect(f *testing.F) {
	f.Add(example().Bytes())
	f.Add(enginetest.Program())
	f.Add(body(wt.Block, wt.I32Const(1), wt.BrIf(0), wt.End))
	f.Add(startUndeclared())
	f.Add(outOfRange())
	f.Add(sections(wt.Section(5, []byte{1, 0, 1}), wt.Section(11, []byte{1, 0, 0x41, 0, 0x0b, 2, 'h', 'i'})))
	f.Fuzz(func(t *testing.T, code []byte) {
		m, err := wasm.Inspect(code, nil)
		if err != nil {
			var he *host.Error
			if !errors.As(err, &he) || he.Message == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		mem := make([]byte, min(m.MemoryMin, 1<<24))
		if err := m.InitialMemory(mem); err != nil && m.MemoryMin <= 1<<24 {
			t.Fatalf("applying segments that were checked: %v", err)
		}
		if hasCustom(code) {
			return // engines judge custom sections, the rewrite drops them
		}
		before, after := compile(t.Context(), code), compile(t.Context(), m.Code)
		if before != nil && strings.Contains(before.Error(), "calculate offset") {
			return // wazero knows no offset that reads the module's own global; the rewrite has evaluated it
		}
		if (before == nil) != (after == nil) {
			t.Fatalf("original: %v, rewritten: %v\n%x\n%x", before, after, code, m.Code)
		}
	})
}

// hasCustom reports whether a module that was accepted has a custom section.
func hasCustom(code []byte) bool {
	for at := 8; at < len(code); {
		id, size, shift := code[at], 0, 0
		for at++; ; at++ {
			size |= int(code[at]&0x7f) << shift
			shift += 7
			if code[at]&0x80 == 0 {
				break
			}
		}
		if at += 1 + size; id == 0 {
			return true
		}
	}
	return false
}

func BenchmarkInspect(b *testing.B) {
	code := enginetest.BuildWASI(b, "package main\n\nfunc main() { println(1) }\n")
	b.SetBytes(int64(len(code)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wasm.Inspect(code, nil); err != nil {
			b.Fatal(err)
		}
	}
}
