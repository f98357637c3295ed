package extism

import (
	"encoding/binary"

	"github.com/seraihost/serai/host"
)

// errTruncated is about modules that end in the middle of something.
var errTruncated = host.FieldErrorf("module", "the module is malformed: it ends too early")

// reader takes a module apart. After its end short is set and all is zero.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (r *reader) bytes(n uint32) []byte {
	if r.short || uint64(n) > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// u32 reads a number in LEB128 of at most five bytes.
func (r *reader) u32() uint32 {
	v, n := binary.Uvarint(r.b[:min(len(r.b), 5)])
	if r.short || n <= 0 || v > 1<<32-1 {
		r.short, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return uint32(v)
}

// skip passes n numbers in LEB128, signed or not, of at most ten bytes.
func (r *reader) skip(n uint32) {
	for ; n > 0 && !r.short; n-- {
		for i := 0; r.byte()&0x80 != 0; i++ {
			if i == 9 {
				r.short, r.b = true, nil
			}
		}
	}
}

// instruction passes one instruction (core specification, section 5.4). long
// says that its time depends on its operands, branches is the number of ways
// that control takes at it besides the next instruction, ok that it is known.
func (r *reader) instruction() (long bool, branches uint32, ok bool) {
	switch op := r.byte(); {
	case op <= 0x01, op == 0x0b, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	case op == 0x05, op == 0x0f: // else, return
		branches = 1
	case op >= 0x02 && op <= 0x04, op == 0x0c, op == 0x0d: // block, loop, if, br, br_if
		branches = 1
		r.skip(1)
	case op == 0x0e: // br_table: labels and one more
		branches = r.u32()
		r.skip(branches)
		r.skip(1)
	case op == 0x10, op >= 0x20 && op <= 0x26, op >= 0x3f && op <= 0x42, op == 0xd0, op == 0xd2:
		r.skip(1)
	case op == 0x11, op >= 0x28 && op <= 0x3e:
		r.skip(2)
	case op == 0x1c: // select: types
		r.skip(r.u32())
	case op == 0x43:
		r.bytes(4)
	case op == 0x44:
		r.bytes(8)
	case op == 0xfc:
		long, ok = r.bulk()
		return long, 0, ok
	case op == 0xfd:
		return false, 0, r.vector()
	default:
		return false, 0, false
	}
	return long, branches, true
}

// bulk passes the rest of an instruction behind the prefix 0xfc.
func (r *reader) bulk() (long, ok bool) {
	switch op := r.u32(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // trunc_sat
		return false, true
	case 8, 10, 12, 14: // memory.init, memory.copy, table.init, table.copy
		r.skip(2)
		return true, true
	case 11, 15, 17: // memory.fill, table.grow, table.fill
		r.skip(1)
		return true, true
	case 9, 13, 16: // data.drop, elem.drop, table.size
		r.skip(1)
		return false, true
	default:
		return false, false
	}
}

// vector passes the rest of an instruction behind the prefix 0xfd.
func (r *reader) vector() (ok bool) {
	switch op := r.u32(); {
	case op <= 11, op == 92, op == 93: // loads and stores
		r.skip(2)
	case op == 12, op == 13: // a constant, shuffle
		r.bytes(16)
	case op >= 21 && op <= 34: // lanes
		r.byte()
	case op >= 84 && op <= 91: // loads and stores of lanes
		r.skip(2)
		r.byte()
	case op > 255: // relaxed
		return false
	}
	return true
}

func appendUint(out []byte, v uint32) []byte { return binary.AppendUvarint(out, uint64(v)) }

func appendBytes[T string | []byte](out []byte, b T) []byte {
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}
