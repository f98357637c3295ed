package runtime

import (
	"bytes"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine/wasm"
)

const (
	extismModule = "extism:host/env"
	wasiModule   = "wasi_snapshot_preview1"
	wasiStart    = "_start"
)

// kindOf tells how an inspected module is run, and by which export; chosen
// is the author's choice of one, or "".
func kindOf(m *wasm.Module, chosen string) (kind host.Kind, export string, err error) {
	handle := abi.ExportHandle
	if chosen != "" && chosen != wasiStart {
		handle = chosen
	}
	if params, results, ok := m.ExportSignature(handle); ok && chosen != wasiStart {
		want := []byte{wasm.I32, wasm.I32}
		if !bytes.Equal(params, want) || !bytes.Equal(results, want[:1]) {
			return "", "", host.FieldErrorf("module", "export %q has the signature %s, the ABI's is %s",
				handle, wasm.Signature(params, results), wasm.Signature(want, want[:1]))
		}
		return host.KindCore, handle, nil
	}
	if handle != abi.ExportHandle {
		return "", "", host.FieldErrorf("export", "the module exports no function %q", host.Clip(handle))
	}
	if m.HasExport(wasiStart) {
		return host.KindWASI, wasiStart, nil
	}
	names := make([]string, 0, 8)
	for _, x := range m.Exports {
		if names = append(names, x.Name); len(names) == cap(names) {
			break
		}
	}
	return "", "", host.FieldErrorf("module", "the module exports neither %q (Serai's ABI) nor %q (a WASI command) and imports nothing of %q (an Extism plugin); it exports: %s",
		abi.ExportHandle, wasiStart, extismModule, host.Clip(strings.Join(names, ", ")))
}

// isPluginExport reports whether the author chose an export that only an
// Extism plugin has: one without parameters that answers an exit code. A
// plugin that needs nothing of its host imports nothing that tells it apart.
func isPluginExport(m *wasm.Module, chosen string) bool {
	params, results, ok := m.ExportSignature(chosen)
	return ok && chosen != wasiStart && len(params) == 0 && bytes.Equal(results, []byte{wasm.I32})
}
