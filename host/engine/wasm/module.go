package wasm

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Names that the rewrite gives to exports. A module that already exports a
// name with the prefix is refused.
const (
	ReservedPrefix = "serai:"
	StartExport    = ReservedPrefix + "start"
	globalPrefix   = ReservedPrefix + "global:"
	memoryExport   = "memory"
)

// PageSize is the unit of linear memory in bytes.
const PageSize = 64 << 10

// The value types (core specification, section 5.3.1), one byte each.
const (
	I32       byte = 0x7f
	I64       byte = 0x7e
	F32       byte = 0x7d
	F64       byte = 0x7c
	FuncRef   byte = 0x70
	ExternRef byte = 0x6f

	vectorType byte = 0x7b
)

// Known tells whether the host offers a function, and with which signature:
// one byte per parameter and result, as in engine.HostFunc.
type Known func(module, name string) (params, results []byte, ok bool)

// Module is a module that [Inspect] accepted.
type Module struct {
	// Digest is "sha256:" and the hash of the original code in hexadecimal.
	Digest string
	// Code is the rewritten module, ready to compile.
	Code []byte
	// Imports are the imported functions in order of their index.
	Imports []Import
	// Exports are the functions that the original exports, in its order.
	Exports []Export
	// MemoryMin and MemoryMax are the declared limits of the memory in
	// bytes; MemoryMax is 0 when none is declared.
	MemoryMin, MemoryMax uint64
	// Globals are the mutable globals of number types, in order of index.
	Globals []Global
	// Fresh says that the code changes tables, drops segments or has
	// mutable globals that hold references: memory and globals alone then
	// do not make an instance what it was, so it cannot be reset in place.
	Fresh bool
	// StartExport is [StartExport] when the original has a start function,
	// which the host calls once, before anything else; otherwise "".
	StartExport string
	// HasNames says that the module has a name section, so that backtraces
	// show the names of functions.
	HasNames bool

	segments []segment
	exports  map[string]int // index into Exports
}

// Import is a function that the module imports.
type Import struct {
	Module, Name    string
	Params, Results []byte
}

// Export is a function that the module exports.
type Export struct {
	Name            string
	Params, Results []byte
}

// Global is a mutable global of a number type.
type Global struct {
	// Export is the name under which the rewritten module exports it,
	// such as "serai:global:3".
	Export string
	// Type is I32, I64, F32 or F64.
	Type byte
	// Initial is the initial value: a 32-bit value in the lower half, a
	// float by its bits.
	Initial uint64

	index uint32
}

// segment is the content of an active data segment.
type segment struct {
	offset uint32
	data   []byte
}

// InitialMemory applies the active data segments to dst, the zeroed linear
// memory of a first start, which is at least MemoryMin bytes long.
func (m *Module) InitialMemory(dst []byte) error {
	for i, s := range m.segments {
		end := uint64(s.offset) + uint64(len(s.data))
		if end > uint64(len(dst)) {
			return fmt.Errorf("applying data segment %d: it ends at byte %d of %d", i, end, len(dst))
		}
		copy(dst[s.offset:], s.data)
	}
	return nil
}

// InitialGlobals returns the initial values of Globals.
func (m *Module) InitialGlobals() []uint64 {
	v := make([]uint64, len(m.Globals))
	for i, g := range m.Globals {
		v[i] = g.Initial
	}
	return v
}

// HasExport reports whether the original exports a function of that name.
func (m *Module) HasExport(name string) bool {
	_, ok := m.exports[name]
	return ok
}

// ExportSignature returns the types of the parameters and results of the
// exported function of that name.
func (m *Module) ExportSignature(name string) (params, results []byte, ok bool) {
	i, ok := m.exports[name]
	if !ok {
		return nil, nil, false
	}
	return m.Exports[i].Params, m.Exports[i].Results, true
}

// Signature returns "(i32, i64) -> i32" for messages.
func Signature(params, results []byte) string {
	var b bytes.Buffer
	types := func(ts []byte) {
		for i, t := range ts {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(typeName(t))
		}
	}
	b.WriteByte('(')
	types(params)
	b.WriteString(")")
	switch len(results) {
	case 0:
	case 1:
		b.WriteString(" -> ")
		types(results)
	default:
		b.WriteString(" -> (")
		types(results)
		b.WriteByte(')')
	}
	return b.String()
}

func typeName(t byte) string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	default:
		return fmt.Sprintf("type 0x%02x", t)
	}
}

// appendUint appends v in LEB128 (core specification, section 5.2.2).
func appendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// appendName appends a name or a vector of bytes.
func appendName[T string | []byte](b []byte, s T) []byte {
	return append(appendUint(b, uint64(len(s))), s...)
}
