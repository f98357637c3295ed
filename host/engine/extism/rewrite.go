package extism

import (
	"bytes"

	"github.com/seraihost/serai/host"
)

// emptyLoop is "loop end": it does nothing, but wazero checks at its
// beginning whether the call is over.
var emptyLoop = []byte{0x03, 0x40, 0x0b}

// rewrite returns a module like code in which the functions that [replaced]
// names are imported from [namespace], functions and instructions that take
// long begin with an empty loop, and there is a memory.
func rewrite(code []byte) ([]byte, *module, error) {
	if !bytes.HasPrefix(code, header) {
		return nil, nil, host.FieldErrorf("module", "this is not a core module of WebAssembly 1.0 or 2.0")
	}
	out := append(make([]byte, 0, len(code)+len(code)/8), header...)
	r, m := &reader{b: code[len(header):]}, &module{}
	for len(r.b) > 0 && m.err == nil {
		id := r.byte()
		body := r.bytes(r.u32())
		if id > memorySection && !m.hasMemory {
			m.hasMemory = true
			out = append(out, memorySection, 3, 1, 0, 0) // one memory of no pages
		}
		if id != customSection {
			body = m.section(id, body)
		}
		out = appendBytes(append(out, id), body)
		m.finish(r)
	}
	return out, m, m.err
}

// guardCode returns the code section with empty loops in it.
func (m *module) guardCode(r *reader) []byte {
	n := r.u32()
	out := appendUint(make([]byte, 0, len(r.b)+len(r.b)/8), n)
	var guarded []byte
	for ; n > 0 && !r.short && m.err == nil; n-- {
		f := &reader{b: r.bytes(r.u32())}
		whole := f.b
		for groups := f.u32(); groups > 0 && !f.short; groups-- {
			f.u32()
			f.byte()
		}
		guarded = append(append(guarded[:0], whole[:len(whole)-len(f.b)]...), emptyLoop...)
		var branches uint64
		guarded, branches = m.guardBody(guarded, f)
		r.short = r.short || f.short
		if m.effort += branches * branches; branches > mostBranches || m.effort > mostEffort {
			m.refuse(host.FieldErrorf("module", "the plugin has a function with %d blocks and branches, or too many of such functions, which takes too long to compile; split it", branches))
		}
		out = appendBytes(out, guarded)
	}
	return out
}

// The time in which wazero compiles a function grows with the square of its
// blocks and branches, 7 to 10 s for 16,000 of them, and is not interrupted.
// CPython has a function with 8,700 and a sum of squares of 174 million.
const (
	mostBranches = 20_000
	mostEffort   = 1_000_000_000 // the sum of the squares
)

// guardBody appends the instructions of a function to out, with an empty loop
// before each that works on memory or tables in bulk, and counts its blocks
// and branches.
func (m *module) guardBody(out []byte, r *reader) (guarded []byte, branches uint64) {
	kept := r.b // not yet appended
	for len(r.b) > 0 {
		begin := r.b
		long, n, ok := r.instruction()
		if !ok {
			m.refuse(host.FieldErrorf("module", "the plugin has an instruction that is not of WebAssembly 2.0 (%x); build it without newer features",
				begin[:min(len(begin), 3)]))
			return out, branches
		}
		branches += uint64(n)
		if long {
			out = append(append(out, kept[:len(kept)-len(begin)]...), emptyLoop...)
			kept = begin
			branches++
		}
	}
	return append(out, kept...), branches
}
