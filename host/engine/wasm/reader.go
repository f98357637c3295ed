package wasm

import (
	"fmt"
	"unicode/utf8"

	"github.com/seraihost/serai/host"
)

// reader reads the binary format. Its first error stays: from then on it
// reads zeros at the end of its input, so a loop over what it reads ends.
type reader struct {
	b    []byte
	at   int
	base int // of b in the file, for messages
	err  error
}

// refusef ends reading with an error for the module's author.
func (r *reader) refusef(format string, args ...any) {
	if r.err == nil {
		r.err = host.FieldErrorf("module", format, args...)
	}
	r.at = len(r.b)
}

// malformedf ends reading because the file does not follow the format.
func (r *reader) malformedf(format string, args ...any) {
	r.refusef("malformed WebAssembly at byte %d: %s; build the file again", r.base+r.at, fmt.Sprintf(format, args...))
}

func (r *reader) left() int  { return len(r.b) - r.at }
func (r *reader) done() bool { return r.at >= len(r.b) }

func (r *reader) byte() byte {
	if r.done() {
		r.malformedf("unexpected end")
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

// uint reads an unsigned LEB128 number of at most that many bits.
func (r *reader) uint(bits uint) uint64 {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if rest := bits - shift; rest < 7 && c>>rest != 0 {
			r.malformedf("number over %d bits", bits)
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			return v
		}
	}
}

// int reads a signed LEB128 number of at most that many bits.
func (r *reader) int(bits uint) int64 {
	var v int64
	for shift := uint(0); ; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if rest := bits - shift; rest < 7 {
			// The bits from the sign on are all alike, and it is the last byte.
			if sign := int8(c<<1) >> rest; c&0x80 != 0 || sign != 0 && sign != -1 { //nolint:gosec // its bits as a signed number
				r.malformedf("number over %d bits", bits)
				return 0
			}
		}
		v |= int64(c&0x7f) << shift
		if c&0x80 == 0 {
			if used := shift + 7; used < 64 && c&0x40 != 0 {
				v |= -1 << used
			}
			return v
		}
	}
}

// u32 reads an unsigned number, most of which take one byte.
func (r *reader) u32() uint32 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 {
		r.at++
		return uint32(r.b[r.at-1])
	}
	return uint32(r.uint(32)) //nolint:gosec // uint bounds it
}

// count reads the length of a vector whose elements take at least size bytes
// each, so that what is allocated for it is bounded by the file.
func (r *reader) count(what string, most, size int) int {
	n := int(r.u32())
	if n > most {
		r.refusef("the module has %d %s; at most %d are allowed", n, what, most)
		return 0
	}
	if n > r.left()/size {
		r.malformedf("%d %s in %d bytes", n, what, r.left())
		return 0
	}
	return n
}

// bytes reads n bytes, which alias the input.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > r.left() {
		r.malformedf("unexpected end")
		return nil
	}
	v := r.b[r.at : r.at+n : r.at+n]
	r.at += n
	return v
}

// vector reads a length and that many bytes, which alias the input.
func (r *reader) vector() []byte {
	n := r.uint(32)
	if n > uint64(r.left()) { //nolint:gosec // not negative
		r.malformedf("unexpected end")
		return nil
	}
	return r.bytes(int(n)) //nolint:gosec // bounded by the input
}

// name reads a UTF-8 name.
func (r *reader) name() string {
	b := r.vector()
	if len(b) > maxNameBytes {
		r.refusef("the module has a name of %d bytes; at most %d are allowed", len(b), maxNameBytes)
		return ""
	}
	if !utf8.Valid(b) {
		r.malformedf("a name is not UTF-8")
		return ""
	}
	return string(b)
}

// sub returns a reader of the next n bytes.
func (r *reader) sub(n int) *reader {
	base := r.base + r.at
	return &reader{b: r.bytes(n), base: base, err: r.err}
}
