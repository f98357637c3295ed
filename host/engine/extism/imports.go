package extism

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/seraihost/serai/host/engine/wasm"
)

const (
	// envModule is the module from which PDKs import the host's functions.
	envModule = "extism:host/env"
	// namespace is the module of our own functions in rewritten plugins.
	namespace = "serai:extism"
	// wasiModule is provided by wazero.
	wasiModule = "wasi_snapshot_preview1"
)

// signature is the type of a function, a byte per parameter and result.
type signature struct{ params, results string }

func (s signature) String() string { return wasm.Signature([]byte(s.params), []byte(s.results)) }

// The types that occur: an address or a length in the kernel's memory is an
// i64, a byte and a number is an i32.
const (
	i32 = string(rune(wasm.I32))
	i64 = string(rune(wasm.I64))
)

// kernel are the functions of the Extism kernel, as the SDK provides them.
// https://github.com/extism/proposals/blob/main/EIP-007-extism-runtime-kernel.md
var kernel = map[string]signature{
	"alloc": {i64, i64}, "free": {i64, ""}, "length": {i64, i64}, "length_unsafe": {i64, i64},
	"load_u8": {i64, i32}, "load_u64": {i64, i64}, "store_u8": {i64 + i32, ""}, "store_u64": {i64 + i64, ""},
	"input_load_u8": {i64, i32}, "input_load_u64": {i64, i64}, "input_length": {"", i64}, "input_offset": {"", i64},
	"input_set": {i64 + i64, ""}, "output_set": {i64 + i64, ""}, "output_length": {"", i64}, "output_offset": {"", i64},
	"error_set": {i64, ""}, "error_get": {"", i64}, "reset": {"", ""}, "memory_bytes": {"", i64},
}

// replaced are the functions that reach outside, or would write to the
// host's own log; functions has them.
var replaced = func() map[string]bool {
	m := map[string]bool{}
	for _, f := range functions() {
		m[f.name] = true
	}
	return m
}()

// wasi returns the functions that wazero provides.
func wasi() (map[string]signature, error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer func() { _ = r.Close(ctx) }()
	m, err := wasi_snapshot_preview1.NewBuilder(r).Compile(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the functions of WASI: %w", err)
	}
	all := make(map[string]signature)
	for name, f := range m.ExportedFunctions() {
		all[name] = signature{string(f.ParamTypes()), string(f.ResultTypes())}
	}
	return all, nil
}

// known returns the functions that plugins may import, by module and name.
var known = sync.OnceValues(func() (map[string]map[string]signature, error) {
	preview1, err := wasi()
	if err != nil {
		return nil, err
	}
	env := maps.Clone(kernel)
	for _, f := range functions() {
		env[f.name] = f.signature
	}
	return map[string]map[string]signature{envModule: env, wasiModule: preview1}, nil
})
