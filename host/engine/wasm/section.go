package wasm

import (
	"bytes"
	"slices"
)

// The sections of a module by their number.
const (
	customSection    = 0
	typeSection      = 1
	importSection    = 2
	functionSection  = 3
	tableSection     = 4
	memorySection    = 5
	globalSection    = 6
	exportSection    = 7
	startSection     = 8
	elementSection   = 9
	codeSection      = 10
	dataSection      = 11
	dataCountSection = 12
	tagSection       = 13
)

// order has the place of every section but custom ones.
var order = [...]int{
	typeSection: 1, importSection: 2, functionSection: 3, tableSection: 4, memorySection: 5, tagSection: 6,
	globalSection: 7, exportSection: 8, startSection: 9, elementSection: 10, dataCountSection: 11,
	codeSection: 12, dataSection: 13,
}

// parser holds what is known of a module while it is read.
type parser struct {
	known  Known
	module *Module
	raw    [tagSection + 1][]byte // sections as they are in the file
	names  []byte                 // the name section's content
	last   int                    // place of the last section

	types     []signature
	functions []uint32 // type of each function, imported ones first
	declared  int      // functions that are not imported
	bodies    int
	tables    int
	globals   []global
	hasMemory bool
	hasExport bool // the memory is exported as "memory"
	exports   int  // exports of every kind
	hasStart  bool
	start     uint32
	// taken are the functions that constants, elements and exports refer to;
	// startTaken says that a body refers to the start function.
	taken      []bool
	startTaken bool
	dataCount  int // -1 if there is no data count section
	data       []dataSegment
	dropped    []uint32 // data segments that data.drop names
}

// signature is the type of a function.
type signature struct{ params, results []byte }

// dataSegment is a data segment; passive is its content if it is passive.
type dataSegment struct{ passive []byte }

// section reads one section.
func (p *parser) section(r *reader) {
	id := int(r.byte())
	size := r.u32()
	if r.err == nil && int64(size) > int64(r.left()) {
		r.malformedf("section %d is longer than the file", id)
	}
	if r.err == nil && id != customSection {
		switch {
		case id >= len(order):
			r.malformedf("unknown section %d", id)
		case order[id] <= p.last:
			r.malformedf("section %d is out of order", id)
		default:
			p.last = order[id]
		}
	}
	if r.err != nil {
		return
	}
	s := r.sub(int(size))
	if id != customSection {
		p.raw[id] = s.b
	}
	p.content(id, s)
	if s.err == nil && !s.done() {
		s.malformedf("section %d is longer than its content", id)
	}
	if s.err != nil {
		r.err = s.err
	}
}

func (p *parser) content(id int, r *reader) {
	switch id {
	case customSection:
		p.readCustom(r)
	case typeSection:
		p.readTypes(r)
	case importSection:
		p.readImports(r)
	case functionSection:
		p.readFunctions(r)
	case tableSection:
		p.readTables(r)
	case memorySection:
		p.readMemories(r)
	case globalSection:
		p.readGlobals(r)
	case exportSection:
		p.readExports(r)
	case startSection:
		p.readStart(r)
	case elementSection:
		p.readElements(r)
	case codeSection:
		p.readCode(r)
	case dataSection:
		p.readData(r)
	case dataCountSection:
		p.dataCount = int(r.u32())
		if p.dataCount > maxSegments {
			r.refusef("the module has %d data segments; at most %d are allowed", p.dataCount, maxSegments)
		}
	case tagSection:
		r.refuseFeature(exceptions)
	}
}

func (p *parser) readCustom(r *reader) {
	name := r.name()
	rest := r.bytes(r.left())
	if r.err != nil || name != "name" || p.names != nil {
		return
	}
	if wellFormedNames(rest) {
		p.names = rest
		p.module.HasNames = len(rest) > 0
	}
}

func (p *parser) readTypes(r *reader) {
	// One copy of the section backs all signatures, so that the module does
	// not keep the file.
	r.b = bytes.Clone(r.b)
	n := r.count("types", maxTypes, 1)
	p.types = make([]signature, 0, n)
	for range n {
		switch form := r.byte(); form {
		case 0x60:
		case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
			r.refuseFeature(gc)
		case 0x5d:
			r.refuseFeature(stackSwitch)
		default:
			r.malformedf("0x%02x begins no function type", form)
		}
		s := signature{r.typeList("parameters of a function", maxParams), r.typeList("results of a function", maxResults)}
		if r.err != nil {
			return
		}
		p.types = append(p.types, s)
	}
}

func (r *reader) typeList(what string, most int) []byte {
	types := r.bytes(r.count(what, most, 1))
	for _, t := range types {
		r.checkType(t)
	}
	return slices.Clip(types)
}

// typeIndex reads the index of a function type.
func (p *parser) typeIndex(r *reader) uint32 {
	i := r.u32()
	if r.err == nil && int64(i) >= int64(len(p.types)) {
		r.malformedf("type %d of %d", i, len(p.types))
		return 0
	}
	return i
}

func (p *parser) readFunctions(r *reader) {
	n := r.count("functions", maxFunctions, 1)
	p.declared = n
	for range n {
		i := p.typeIndex(r)
		if r.err != nil {
			return
		}
		p.functions = append(p.functions, i)
	}
}

func (p *parser) readTables(r *reader) {
	p.tables = r.count("tables", maxTables, 3)
	for range p.tables {
		if r.left() > 0 && r.b[r.at] == 0x40 {
			r.refuseFeature(typedRefs)
			return
		}
		r.refType()
		if minimum, _ := r.limits(); minimum > maxTableElements {
			r.refusef("a table has %d elements; at most %d are allowed", minimum, maxTableElements)
		}
	}
}

func (p *parser) readMemories(r *reader) {
	switch n := r.count("memories", maxSegments, 2); {
	case n == 0:
		return
	case n > 1:
		r.refuseFeature(multiMemory)
		return
	}
	minimum, maximum := r.limits()
	if r.err == nil && (minimum > maxMemoryPages || maximum > maxMemoryPages) {
		r.malformedf("a memory over %d pages", maxMemoryPages)
	}
	if r.err == nil && maximum == 0 {
		r.refusef("the module's memory can never hold a byte; build it with a maximum above 0")
	}
	p.hasMemory = true
	p.module.MemoryMin = uint64(minimum) * PageSize
	if maximum > 0 {
		p.module.MemoryMax = uint64(maximum) * PageSize
	}
}

func (p *parser) readGlobals(r *reader) {
	n := r.count("globals", maxGlobals, 4)
	for range n {
		typ, mutable := r.valueType(), r.byte()
		if mutable > 1 {
			r.malformedf("a global that is neither constant nor variable")
		}
		c := p.constant(r)
		if r.err == nil && c.typ != typ {
			r.malformedf("a global of type %s with a value of type %s", typeName(typ), typeName(c.typ))
		}
		if r.err != nil {
			return
		}
		p.globals = append(p.globals, global{c, mutable == 1})
	}
}

// readCode walks over the bodies of all functions.
func (p *parser) readCode(r *reader) {
	p.bodies = r.count("bodies of functions", maxFunctions, 3)
	for range p.bodies {
		size := r.u32()
		switch {
		case r.err != nil:
		case size > maxBodyBytes:
			r.refusef("a function has %d bytes of code; at most %d are allowed", size, maxBodyBytes)
		case int64(size) > int64(r.left()):
			r.malformedf("a function is longer than the code section")
		}
		if r.err != nil {
			return
		}
		b := r.sub(int(size))
		p.body(b)
		if b.err != nil {
			r.err = b.err
			return
		}
	}
}
