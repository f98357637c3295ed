package wasm

import "bytes"

// readElements reads the element segments, which stay as they are: an engine
// fills the tables from them whenever it instantiates.
func (p *parser) readElements(r *reader) {
	n := r.count("element segments", maxElements, 3)
	for range n {
		// Bits: 1 passive or declarative, 2 table index or declarative,
		// 4 expressions instead of function indices.
		flags := r.u32()
		if flags > 7 {
			r.malformedf("an element segment of kind %d", flags)
		}
		if flags&1 == 0 {
			if flags&2 != 0 {
				r.u32()
			}
			p.constant(r)
		}
		typ := FuncRef
		switch {
		case flags&3 == 0:
		case flags&4 != 0:
			typ = r.refType()
		default:
			if kind := r.byte(); kind != 0 {
				r.malformedf("elements of kind %d", kind)
			}
		}
		for range r.count("elements of a segment", maxTableElements, 1) {
			if flags&4 == 0 {
				p.takeFunction(r, r.u32())
			} else if c := p.constant(r); r.err == nil && c.typ != typ {
				r.malformedf("an element of type %s in a segment of type %s", typeName(c.typ), typeName(typ))
			}
			if r.err != nil {
				return
			}
		}
	}
}

// readData reads the data segments and takes the content of the active ones.
func (p *parser) readData(r *reader) {
	r.b = bytes.Clone(r.b) // what the segments keep alive, instead of the file
	n := r.count("data segments", maxSegments, 2)
	for i := range n {
		flags := r.u32()
		if flags == 1 {
			p.data = append(p.data, dataSegment{passive: r.vector()})
			continue
		}
		if flags > 2 {
			r.malformedf("a data segment of kind %d", flags)
		}
		if flags == 2 && r.u32() != 0 {
			r.refuseFeature(multiMemory)
		}
		offset := p.constant(r)
		if r.err == nil && offset.typ != I32 {
			r.malformedf("the offset of a data segment has type %s", typeName(offset.typ))
		}
		if r.err == nil && !p.hasMemory {
			r.malformedf("an active data segment without a memory")
		}
		content := r.vector()
		if end := offset.value + uint64(len(content)); r.err == nil && end > p.module.MemoryMin {
			r.refusef("data segment %d ends at byte %d, beyond the memory's initial %d bytes; link with a larger initial memory",
				i, end, p.module.MemoryMin)
		}
		if r.err != nil {
			return
		}
		p.data = append(p.data, dataSegment{})
		if len(content) > 0 {
			p.module.segments = append(p.module.segments, segment{uint32(offset.value), content}) //nolint:gosec // an i32
		}
	}
}
