package wasm

// immediate is what follows an opcode.
type immediate uint8

// The kinds of immediates (core specification, section 5.4).
const (
	unknown immediate = iota
	none
	block     // a block type; opens a block
	elseMark  // belongs to an open if
	end       // closes a block
	index     // one index
	twoIndex  // two indices
	branches  // br_table: a vector of labels and one more
	selecting // select: a vector of types
	memarg    // alignment and offset
	memory    // the index of a memory
	i32Const
	i64Const
	f32Const
	f64Const
	nullRef // ref.null: a heap type
	funcRef // ref.func: the index of a function
	tableSet
	numeric // prefix 0xfc
)

// immediates has the kind of every opcode of one byte.
var immediates = func() (t [256]immediate) {
	set := func(k immediate, from, to byte) {
		for op := int(from); op <= int(to); op++ {
			t[op] = k
		}
	}
	set(none, 0x00, 0x01)  // unreachable, nop
	set(block, 0x02, 0x04) // block, loop, if
	t[0x05] = elseMark
	t[0x0b] = end
	set(index, 0x0c, 0x0d) // br, br_if
	t[0x0e] = branches
	t[0x0f] = none // return
	t[0x10] = index
	t[0x11] = twoIndex    // call_indirect
	set(none, 0x1a, 0x1b) // drop, select
	t[0x1c] = selecting
	set(index, 0x20, 0x25)  // local and global access, table.get
	t[0x26] = tableSet      // table.set
	set(memarg, 0x28, 0x3e) // loads and stores
	set(memory, 0x3f, 0x40) // memory.size, memory.grow
	t[0x41], t[0x42], t[0x43], t[0x44] = i32Const, i64Const, f32Const, f64Const
	set(none, 0x45, 0xc4) // comparisons, arithmetic, conversions, sign extension
	t[0xd0], t[0xd1], t[0xd2] = nullRef, none, funcRef
	t[0xfc] = numeric
	return t
}()

// body walks over the instructions of one function.
func (p *parser) body(r *reader) {
	locals := 0
	for range r.count("groups of locals in a function", maxLocals, 2) {
		n := r.u32()
		if locals += int(n); n > maxLocals || locals > maxLocals {
			r.refusef("a function has more than %d locals; split it", maxLocals)
			return
		}
		r.valueType()
	}
	for depth := 1; depth > 0 && r.err == nil; {
		op := r.byte()
		switch kind := immediates[op]; kind {
		case none:
		case block:
			r.blockType()
			depth++
		case elseMark:
		case end:
			depth--
		case unknown:
			r.unknownOpcode(op)
		case tableSet:
			p.module.Fresh = true
			r.u32()
		case funcRef:
			if f := r.u32(); p.hasStart && f == p.start {
				p.startTaken = true
			}
		case numeric:
			p.numeric(r)
		default:
			r.immediate(kind)
		}
	}
	if r.err == nil && !r.done() {
		r.malformedf("instructions after the end of a function")
	}
}

// immediate skips what follows an opcode of that kind.
func (r *reader) immediate(kind immediate) {
	switch kind { //nolint:exhaustive // the other kinds have no immediates, or are dealt with by the caller
	case index:
		r.u32()
	case twoIndex:
		r.u32()
		r.u32()
	case branches:
		for range r.count("labels in a br_table", maxBodyBytes, 1) {
			r.u32()
		}
		r.u32()
	case selecting:
		for range r.count("types of a select", maxResults, 1) {
			r.valueType()
		}
	case memarg:
		if align := r.u32(); align&0x40 != 0 && align < 0x80 {
			r.refuseFeature(multiMemory)
		}
		r.u32()
	case memory:
		r.memoryIndex()
	case i32Const:
		r.int(32)
	case i64Const:
		r.int(64)
	case f32Const:
		r.bytes(4)
	case f64Const:
		r.bytes(8)
	case nullRef:
		r.heapType()
	}
}

// numeric walks over an instruction behind the prefix 0xfc: saturating
// conversions, and the instructions for memory, tables and segments in bulk.
func (p *parser) numeric(r *reader) {
	switch op := r.u32(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // trunc_sat
	case 8: // memory.init
		p.segmentIndex(r)
		r.memoryIndex()
	case 9: // data.drop
		p.dropped = append(p.dropped, p.segmentIndex(r))
	case 10: // memory.copy
		r.memoryIndex()
		r.memoryIndex()
	case 11: // memory.fill
		r.memoryIndex()
	case 12, 14: // table.init, table.copy
		p.module.Fresh = true
		r.u32()
		r.u32()
	case 13, 15, 17: // elem.drop, table.grow, table.fill
		p.module.Fresh = true
		r.u32()
	case 16: // table.size
		r.u32()
	case 18: // memory.discard
		r.refusef("the module uses memory.discard, which is not supported; build for WebAssembly 2.0")
	case 19, 20, 21, 22:
		r.refuseFeature(wideArith)
	default:
		r.malformedf("0xfc %d is no instruction", op)
	}
}

// segmentIndex reads the index of a data segment, which only a module with a
// data count section may have in its code.
func (p *parser) segmentIndex(r *reader) uint32 {
	i := r.u32()
	if r.err == nil && (p.dataCount < 0 || int64(i) >= int64(p.dataCount)) {
		r.malformedf("an instruction uses data segment %d, which the data count section does not have", i)
	}
	return i
}

// memoryIndex reads the index of a memory, which is one zero byte.
func (r *reader) memoryIndex() {
	if i := r.byte(); i != 0 {
		r.refuseFeature(multiMemory)
	}
}

// blockType reads the type of a block: nothing, a value, or a function type.
func (r *reader) blockType() {
	if r.done() {
		r.malformedf("unexpected end")
		return
	}
	if c := r.b[r.at]; c != 0x40 && c&0xc0 == 0x40 {
		r.valueType()
		return
	}
	// The empty block is the number -64.
	if i := r.int(33); i < 0 && i != -64 {
		r.malformedf("%d is no block type", i)
	}
}

// heapType reads the type of ref.null.
func (r *reader) heapType() byte {
	if r.done() {
		r.malformedf("unexpected end")
		return 0
	}
	if r.b[r.at]&0xc0 != 0x40 {
		r.refuseFeature(typedRefs)
		return 0
	}
	return r.refType()
}

func (r *reader) unknownOpcode(op byte) {
	switch op {
	case 0xfd:
		r.refuseFeature(simd)
	case 0xfe:
		r.refuseFeature(threads)
	case 0xfb:
		r.refuseFeature(gc)
	case 0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f:
		r.refuseFeature(exceptions)
	case 0x12, 0x13:
		r.refuseFeature(tailCalls)
	case 0x14, 0x15, 0xd3, 0xd4, 0xd5, 0xd6:
		r.refuseFeature(typedRefs)
	case 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6:
		r.refuseFeature(stackSwitch)
	default:
		if r.err == nil {
			r.at--
			r.malformedf("0x%02x is no instruction", op)
		}
	}
}
