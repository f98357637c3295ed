package extism

import (
	"bytes"
	"encoding/binary"

	"github.com/seraihost/serai/host"
)

// The sections of a module (core specification, section 5.5).
const (
	customSection = 0
	importSection = 2
	memorySection = 5
	codeSection   = 10
)

// emptyLoop is "loop end": it does nothing, but wazero checks at its
// beginning whether the call is over.
var emptyLoop = []byte{0x03, 0x40, 0x0b}

// errTruncated is about modules that end in the middle of something.
var errTruncated = host.FieldErrorf("module", "the module is malformed: it ends too early")

// rewrite returns a module like code in which the functions that [replaced]
// names are imported from [namespace], every function begins with an empty
// loop, and there is a memory. Whether the module is valid is for others to
// say; rewrite only finds its way through the sections.
func rewrite(code []byte) ([]byte, error) {
	const header = 8
	if len(code) < header {
		return nil, errTruncated
	}
	out := append(make([]byte, 0, len(code)+len(code)/8), code[:header]...)
	r := &reader{b: code[header:]}
	memory := false
	for len(r.b) > 0 && !r.short {
		id := r.byte()
		body := r.bytes(r.u32())
		if id != customSection && id > memorySection && !memory {
			out, memory = append(out, memorySection, 3, 1, 0, 0), true // one memory of no pages
		}
		switch id {
		case importSection:
			body = rewriteImports(r, body)
		case memorySection:
			memory = true
		case codeSection:
			body = rewriteCode(r, body)
		}
		out = append(out, id)
		out = appendBytes(out, body)
	}
	if r.short {
		return nil, errTruncated
	}
	return out, nil
}

// rewriteImports renames the module of replaced functions. Only functions
// have a fixed layout here; another kind of import ends the rewriting, since
// the module will be refused for it.
func rewriteImports(outer *reader, body []byte) []byte {
	r := &reader{b: body}
	n := r.u32()
	out := binary.AppendUvarint(make([]byte, 0, len(body)), uint64(n))
	for range n {
		module, name := r.bytes(r.u32()), r.bytes(r.u32())
		if kind := r.byte(); kind != 0 || r.short {
			outer.short = outer.short || r.short
			return body
		}
		if string(module) == envModule && replaced[string(name)] {
			module = []byte(namespace)
		}
		out = appendBytes(appendBytes(out, module), name)
		out = append(out, 0)
		out = binary.AppendUvarint(out, uint64(r.u32()))
	}
	outer.short = outer.short || r.short
	return out
}

// rewriteCode inserts an empty loop into the functions.
func rewriteCode(outer *reader, body []byte) []byte {
	r := &reader{b: body}
	n := r.u32()
	out := binary.AppendUvarint(make([]byte, 0, len(body)+len(body)/8), uint64(n))
	for i := uint32(0); i < n && !r.short; i++ {
		f := &reader{b: r.bytes(r.u32())}
		whole := f.b
		for groups := f.u32(); groups > 0 && !f.short; groups-- {
			f.u32()
			f.byte()
		}
		if f.short {
			r.short = true
			break
		}
		locals := whole[:len(whole)-len(f.b)]
		out = appendBytes(out, bytes.Join([][]byte{locals, emptyLoop, f.b}, nil))
	}
	outer.short = outer.short || r.short
	return out
}

func appendBytes(out, b []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

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
