package wasm

// constant is the value of a constant expression.
type constant struct {
	typ   byte
	value uint64
	// known is false for references, whose value only an instance has.
	known bool
}

// global is a global of the module as constant expressions see it.
type global struct {
	constant
	mutable bool
}

// constant reads an expression that the engine evaluates when it
// instantiates (core specification, section 3.3.10; with the arithmetic of
// the extended-const proposal). It may read earlier immutable globals.
func (p *parser) constant(r *reader) constant {
	var stack []constant
	for r.err == nil {
		op := r.byte()
		switch op {
		case 0x0b: // end
			if len(stack) != 1 {
				r.malformedf("a constant expression leaves %d values", len(stack))
				return constant{}
			}
			return stack[0]
		case 0x41:
			stack = append(stack, constant{I32, uint64(uint32(r.int(32))), true}) //nolint:gosec // its bits
		case 0x42:
			stack = append(stack, constant{I64, uint64(r.int(64)), true}) //nolint:gosec // its bits
		case 0x43:
			stack = append(stack, constant{F32, littleEndian(r.bytes(4)), true})
		case 0x44:
			stack = append(stack, constant{F64, littleEndian(r.bytes(8)), true})
		case 0x23: // global.get
			stack = append(stack, p.constantGlobal(r))
		case 0xd0: // ref.null
			stack = append(stack, constant{typ: r.heapType()})
		case 0xd2: // ref.func
			p.takeFunction(r, r.u32())
			stack = append(stack, constant{typ: FuncRef})
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
			stack = r.arithmetic(op, stack)
		case 0xfd:
			r.refuseFeature(simd)
		case 0xfb:
			r.refuseFeature(gc)
		default:
			r.malformedf("0x%02x in a constant expression", op)
		}
		if len(stack) > maxConstDepth {
			r.malformedf("a constant expression holds more than %d values", maxConstDepth)
		}
	}
	return constant{}
}

func (p *parser) constantGlobal(r *reader) constant {
	i := r.u32()
	if r.err != nil {
		return constant{}
	}
	if int64(i) >= int64(len(p.globals)) || p.globals[i].mutable {
		r.malformedf("a constant expression reads global %d, which is no earlier constant", i)
		return constant{}
	}
	return p.globals[i].constant
}

// arithmetic applies an operation to the two values on top of the stack.
func (r *reader) arithmetic(op byte, stack []constant) []constant {
	typ := I32
	if op >= 0x7c {
		typ = I64
	}
	n := len(stack)
	if n < 2 || stack[n-1].typ != typ || stack[n-2].typ != typ {
		r.malformedf("arithmetic on other values than two of type %s", typeName(typ))
		return stack
	}
	a, b := stack[n-2].value, stack[n-1].value
	switch op {
	case 0x6a, 0x7c:
		a += b
	case 0x6b, 0x7d:
		a -= b
	default:
		a *= b
	}
	if typ == I32 {
		a = uint64(uint32(a)) //nolint:gosec // modulo 2^32 by definition
	}
	return append(stack[:n-2], constant{typ, a, true})
}

func littleEndian(b []byte) uint64 {
	var v uint64
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return v
}
