package extism

import (
	"bytes"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine/wasm"
)

// header begins every core module.
var header = []byte("\x00asm\x01\x00\x00\x00")

// The sections of a module (core specification, section 5.5).
const (
	customSection   = 0
	typeSection     = 1
	importSection   = 2
	functionSection = 3
	memorySection   = 5
	exportSection   = 7
	codeSection     = 10
)

// module is what matters of a plugin before it is compiled. Plugins are not
// held to what package wasm asks of modules that have images: vector
// instructions are allowed, and a memory is not needed. wazero validates all.
type module struct {
	types     []signature
	functions []uint32 // indices of types, imported functions first
	exports   []wasm.Export
	memoryMin uint64 // bytes
	hasMemory bool
	effort    uint64 // of compiling, see mostEffort
	err       error  // what the plugin is refused for
}

// section reads the content of one section and returns what takes its place.
func (m *module) section(id byte, body []byte) []byte {
	r := &reader{b: body}
	switch id {
	case typeSection:
		m.readTypes(r)
	case importSection:
		body = m.readImports(r)
	case functionSection:
		for n := r.u32(); n > 0 && !r.short; n-- {
			m.functions = append(m.functions, r.u32())
		}
	case memorySection:
		if r.u32() > 0 {
			r.byte()
			m.hasMemory, m.memoryMin = true, uint64(r.u32())*wasm.PageSize
		}
	case exportSection:
		m.readExports(r)
	case codeSection:
		body = m.guardCode(r)
	}
	m.finish(r)
	return body
}

// refuse keeps the first reason.
func (m *module) refuse(err error) {
	if m.err == nil {
		m.err = err
	}
}

// finish refuses a module whose section is too short.
func (m *module) finish(r *reader) {
	if r.short {
		m.refuse(errTruncated)
	}
}

func (m *module) readTypes(r *reader) {
	for n := r.u32(); n > 0 && !r.short; n-- {
		if form := r.byte(); form != 0x60 {
			m.refuse(host.FieldErrorf("module", "the plugin has types other than functions; build it for WebAssembly 2.0"))
			return
		}
		m.types = append(m.types, signature{string(r.bytes(r.u32())), string(r.bytes(r.u32()))})
	}
}

// typeOf returns the signature of a function; an empty one if there is none,
// which wazero refuses later.
func (m *module) typeOf(t uint32) signature {
	if int64(t) >= int64(len(m.types)) {
		return signature{}
	}
	return m.types[t]
}

// readImports checks the imports and returns the section in which functions
// that we replace are imported from [namespace].
func (m *module) readImports(r *reader) []byte {
	may, err := known()
	if err != nil {
		m.refuse(err)
		return nil
	}
	n := r.u32()
	out := appendUint(make([]byte, 0, len(r.b)+16), n)
	for ; n > 0 && !r.short; n-- {
		from, name := string(r.bytes(r.u32())), string(r.bytes(r.u32()))
		if kind := r.byte(); kind != 0 && !r.short {
			m.refuse(host.FieldErrorf("module", "the plugin imports %s.%s, which is not a function; it can import functions only", host.Clip(from), host.Clip(name)))
			return nil
		}
		t := r.u32()
		if r.short {
			break
		}
		want, ok := may[from][name]
		got := m.typeOf(t)
		switch {
		case !ok:
			m.refuse(host.FieldErrorf("module", "the plugin imports the function %s.%s, which this host does not offer; build it without what needs it",
				host.Clip(from), host.Clip(name)))
		case got != want:
			m.refuse(host.FieldErrorf("module", "the plugin imports %s.%s with the signature %s, the host's is %s", from, name, got, want))
		}
		if from == envModule && replaced[name] {
			from = namespace
		}
		out = appendBytes(appendBytes(out, from), name)
		out = appendUint(append(out, 0), t)
		m.functions = append(m.functions, t)
	}
	return out
}

func (m *module) readExports(r *reader) {
	for n := r.u32(); n > 0 && !r.short; n-- {
		name, kind, index := string(r.bytes(r.u32())), r.byte(), r.u32()
		if kind == 0 && int64(index) < int64(len(m.functions)) {
			s := m.typeOf(m.functions[index])
			m.exports = append(m.exports, wasm.Export{Name: name, Params: []byte(s.params), Results: []byte(s.results)})
		}
	}
}

// IsPlugin reports whether a module imports something that only the host of
// an Extism plugin offers, whether or not this one does.
func IsPlugin(code []byte) bool {
	if !bytes.HasPrefix(code, header) {
		return false
	}
	for r := (&reader{b: code[len(header):]}); len(r.b) > 0; {
		id := r.byte()
		body := &reader{b: r.bytes(r.u32())}
		if id != importSection {
			continue
		}
		for n := body.u32(); n > 0 && !body.short; n-- {
			from := body.bytes(body.u32())
			body.bytes(body.u32())
			if bytes.HasPrefix(from, []byte("extism:host")) {
				return true
			}
			if body.byte() != 0 { // not a function, so not laid out like one
				return false
			}
			body.u32()
		}
	}
	return false
}
