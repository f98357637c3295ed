package wasmtest

import "encoding/binary"

// The value types.
const (
	I32       byte = 0x7f
	I64       byte = 0x7e
	F32       byte = 0x7d
	F64       byte = 0x7c
	FuncRef   byte = 0x70
	ExternRef byte = 0x6f
)

// The kinds of exports.
const (
	FuncKind   byte = 0
	TableKind  byte = 1
	MemoryKind byte = 2
	GlobalKind byte = 3
)

// Module is a module under construction. Import all functions before the
// first Func.
type Module struct {
	types, imports, functions, tables, memories section
	globals, exports, elements, codes, data     section
	start                                       []byte
	dataCount                                   bool
	custom                                      []byte
	calls                                       uint32 // functions, imported ones first
}

// section is the content of a section: a count and the encoded elements.
type section struct {
	n uint32
	b []byte
}

func (s *section) add(b ...byte) uint32 {
	s.b = append(s.b, b...)
	s.n++
	return s.n - 1
}

// Func is a function of a module.
type Func struct {
	Export          string // "" for none
	Params, Results []byte
	Locals          []byte // types of the locals after the parameters
	Body            []byte // instructions, without the final end
}

// New returns a module with a memory of minimum pages that may grow to
// maximum pages (0: no maximum) and is exported as "memory".
func New(minimum, maximum uint32) *Module {
	m := &Module{}
	m.Memory(minimum, maximum)
	m.Export("memory", MemoryKind, 0)
	return m
}

// Type adds a function type and returns its index.
func (m *Module) Type(params, results []byte) uint32 {
	return m.types.add(join([]byte{0x60}, vector(params), vector(results))...)
}

// Import imports a function and returns its index.
func (m *Module) Import(module, name string, params, results []byte) uint32 {
	t := m.Type(params, results)
	m.imports.add(join(vector([]byte(module)), vector([]byte(name)), []byte{FuncKind}, Uint(uint64(t)))...)
	m.calls++
	return m.calls - 1
}

// Func adds a function and returns its index.
func (m *Module) Func(f Func) uint32 {
	m.functions.add(Uint(uint64(m.Type(f.Params, f.Results)))...)
	locals := Uint(uint64(len(f.Locals)))
	for _, t := range f.Locals {
		locals = append(locals, 1, t)
	}
	m.codes.add(vector(join(locals, f.Body, []byte{0x0b}))...)
	m.calls++
	if f.Export != "" {
		m.Export(f.Export, FuncKind, m.calls-1)
	}
	return m.calls - 1
}

// Next returns the index that the next function gets.
func (m *Module) Next() uint32 { return m.calls }

// Memory adds a memory.
func (m *Module) Memory(minimum, maximum uint32) { m.memories.add(limits(minimum, maximum)...) }

// Table adds a table of functions and returns its index.
func (m *Module) Table(minimum, maximum uint32) uint32 {
	return m.tables.add(join([]byte{FuncRef}, limits(minimum, maximum))...)
}

// Global adds a global whose initial value is the constant instructions
// initial, and returns its index.
func (m *Module) Global(typ byte, mutable bool, initial ...[]byte) uint32 {
	flag := byte(0)
	if mutable {
		flag = 1
	}
	return m.globals.add(join([]byte{typ, flag}, join(initial...), []byte{0x0b})...)
}

// Export exports something under a name.
func (m *Module) Export(name string, kind byte, index uint32) {
	m.exports.add(join(vector([]byte(name)), []byte{kind}, Uint(uint64(index)))...)
}

// Start sets the start function.
func (m *Module) Start(function uint32) { m.start = Uint(uint64(function)) }

// Elements fills table 0 from offset on with functions.
func (m *Module) Elements(offset int32, functions ...uint32) {
	b := join([]byte{0}, I32Const(offset), []byte{0x0b}, Uint(uint64(len(functions))))
	for _, f := range functions {
		b = append(b, Uint(uint64(f))...)
	}
	m.elements.add(b...)
}

// PassiveElements adds a passive element segment.
func (m *Module) PassiveElements(functions ...uint32) {
	b := join([]byte{1, 0}, Uint(uint64(len(functions))))
	for _, f := range functions {
		b = append(b, Uint(uint64(f))...)
	}
	m.elements.add(b...)
}

// Data adds an active data segment at the offset that the constant
// instructions give.
func (m *Module) Data(offset, content []byte) uint32 {
	return m.data.add(join([]byte{0}, offset, []byte{0x0b}, vector(content))...)
}

// PassiveData adds a passive data segment and a data count section.
func (m *Module) PassiveData(content []byte) uint32 {
	m.dataCount = true
	return m.data.add(join([]byte{1}, vector(content))...)
}

// CountData adds a data count section.
func (m *Module) CountData() { m.dataCount = true }

// Custom adds a custom section at the end.
func (m *Module) Custom(name string, content []byte) {
	m.custom = append(m.custom, Section(0, join(vector([]byte(name)), content))...)
}

// Bytes returns the module in the binary format.
func (m *Module) Bytes() []byte {
	out := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	put := func(id byte, s section) {
		if s.n > 0 {
			out = append(out, Section(id, join(Uint(uint64(s.n)), s.b))...)
		}
	}
	put(1, m.types)
	put(2, m.imports)
	put(3, m.functions)
	put(4, m.tables)
	put(5, m.memories)
	put(6, m.globals)
	put(7, m.exports)
	if m.start != nil {
		out = append(out, Section(8, m.start)...)
	}
	put(9, m.elements)
	if m.dataCount {
		out = append(out, Section(12, Uint(uint64(m.data.n)))...)
	}
	put(10, m.codes)
	put(11, m.data)
	return append(out, m.custom...)
}

// Section returns a section of any number.
func Section(id byte, content []byte) []byte { return join([]byte{id}, vector(content)) }

// Names returns the content of a custom section "name" that names functions.
func Names(functions map[uint32]string, order ...uint32) []byte {
	b := Uint(uint64(len(order)))
	for _, i := range order {
		b = join(b, Uint(uint64(i)), vector([]byte(functions[i])))
	}
	return Section(1, b)
}

func limits(minimum, maximum uint32) []byte {
	if maximum == 0 {
		return join([]byte{0}, Uint(uint64(minimum)))
	}
	return join([]byte{1}, Uint(uint64(minimum)), Uint(uint64(maximum)))
}

// Uint encodes an unsigned number in LEB128.
func Uint(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// Int encodes a signed number in LEB128.
func Int(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func vector(b []byte) []byte { return join(Uint(uint64(len(b))), b) }

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
