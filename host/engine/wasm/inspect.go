package wasm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/seraihost/serai/host"
)

// The first eight bytes of a file.
var (
	coreHeader      = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	componentHeader = []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}
)

// Inspect reads a module, refuses what cannot run here, and rewrites the
// rest so that it can start from an image. known decides which functions the
// module may import; a nil known allows all, for finding out what a file is.
//
// Every error is a *host.Error with code abi.Invalid about field "module",
// whose message is for the module's author. Inspect never changes code and
// does not keep it.
func Inspect(code []byte, known Known) (*Module, error) {
	if err := checkHeader(code); err != nil {
		return nil, err
	}
	p := &parser{known: known, module: &Module{exports: map[string]int{}}, dataCount: -1}
	r := &reader{b: code, at: len(coreHeader)}
	for !r.done() && r.err == nil {
		p.section(r)
	}
	if r.err == nil {
		p.finish(r)
	}
	if r.err != nil {
		return nil, r.err
	}
	m := p.module
	sum := sha256.Sum256(code)
	m.Digest = "sha256:" + hex.EncodeToString(sum[:])
	m.Code = p.rewrite()
	return m, nil
}

func checkHeader(code []byte) error {
	switch {
	case len(code) > maxModuleBytes:
		return host.FieldErrorf("module", "the module has %d bytes; at most %d are allowed", len(code), maxModuleBytes)
	case bytes.HasPrefix(code, coreHeader):
		return nil
	case bytes.HasPrefix(code, componentHeader):
		return host.FieldErrorf("module", "%s", componentKind)
	case bytes.HasPrefix(code, coreHeader[:4]) && len(code) >= len(coreHeader):
		return host.FieldErrorf("module", "the module has version %x of the binary format; build a core module of version 1", code[4:8])
	default:
		return host.FieldErrorf("module", "this is not a WebAssembly module; upload the .wasm file that the compiler made")
	}
}

// finish checks what only the whole module shows.
func (p *parser) finish(r *reader) {
	m := p.module
	switch {
	case p.bodies != p.declared:
		r.malformedf("%d functions but %d bodies", p.declared, p.bodies)
	case p.dataCount >= 0 && p.dataCount != len(p.data):
		r.malformedf("the data count section says %d segments, the data section has %d", p.dataCount, len(p.data))
	case !p.hasMemory:
		r.refusef("the module has no memory; build it with one that it defines itself")
	case p.hasStart && p.startTaken && !p.declares(p.start):
		// Exporting the start function would make such a module valid.
		r.malformedf("ref.func %d refers to a function that is not declared", p.start)
	}
	for _, d := range p.dropped {
		if r.err == nil && len(p.data[d].passive) > 0 {
			m.Fresh = true
		}
	}
	if p.hasStart {
		m.StartExport = StartExport
	}
	for i, g := range p.globals {
		switch {
		case !g.mutable:
		case g.known:
			m.Globals = append(m.Globals, Global{globalPrefix + strconv.Itoa(i), g.typ, g.value, uint32(i)})
		default:
			m.Fresh = true
		}
	}
}

// takeFunction checks the index of a function and notes that it is declared
// for ref.func.
func (p *parser) takeFunction(r *reader, i uint32) {
	if r.err == nil && int64(i) >= int64(len(p.functions)) {
		r.malformedf("function %d of %d", i, len(p.functions))
		return
	}
	if p.taken == nil && r.err == nil {
		p.taken = make([]bool, len(p.functions)) // complete before anything refers to them
	}
	if r.err == nil {
		p.taken[i] = true
	}
}

func (p *parser) declares(i uint32) bool { return p.taken != nil && p.taken[i] }
