package wasm

import "strings"

// The kinds of what a module imports and exports.
const (
	functionKind = 0
	tableKind    = 1
	memoryKind   = 2
	globalKind   = 3
	tagKind      = 4
)

func (p *parser) readImports(r *reader) {
	n := r.count("imports", maxImports, 4)
	for range n {
		module, name, kind := r.name(), r.name(), r.byte()
		if r.err != nil {
			return
		}
		switch kind {
		case functionKind:
			p.importFunction(r, module, name)
		case tableKind, memoryKind, globalKind:
			what := [...]string{tableKind: "table", memoryKind: "memory", globalKind: "global"}[kind]
			r.refusef("the module imports the %s %s; build it with a %s of its own", what, quoted(module, name), what)
		case tagKind:
			r.refuseFeature(exceptions)
		default:
			r.malformedf("an import of kind %d", kind)
		}
	}
}

func (p *parser) importFunction(r *reader, module, name string) {
	i := p.typeIndex(r)
	if r.err != nil {
		return
	}
	s := p.types[i]
	p.functions = append(p.functions, i)
	p.module.Imports = append(p.module.Imports, Import{module, name, s.params, s.results})
	if p.known == nil {
		return
	}
	params, results, ok := p.known(module, name)
	if !ok {
		r.refusef("the module imports the function %s, which this host does not offer; build it without what needs it", quoted(module, name))
		return
	}
	if string(params) != string(s.params) || string(results) != string(s.results) {
		r.refusef("the module imports the function %s as %s, but this host offers it as %s; build it against this host's interface",
			quoted(module, name), Signature(s.params, s.results), Signature(params, results))
	}
}

// quoted returns module.name as far as it fits in a message.
func quoted(module, name string) string {
	return clip(module) + "." + clip(name)
}

func clip(s string) string {
	const most = 80
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, s)
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (p *parser) readExports(r *reader) {
	n := r.count("exports", maxExports, 3)
	p.exports = n
	seen := make(map[string]bool, n)
	for range n {
		name, kind, i := r.name(), r.byte(), r.u32()
		if r.err == nil && seen[name] {
			r.malformedf("two exports are named %q", clip(name))
		}
		if r.err == nil && strings.HasPrefix(name, ReservedPrefix) {
			r.refusef("the module exports %q, but names that begin with %q are the host's; rename it", clip(name), ReservedPrefix)
		}
		if r.err != nil {
			return
		}
		seen[name] = true
		p.export(r, name, kind, i)
	}
}

func (p *parser) export(r *reader, name string, kind byte, i uint32) {
	if name == memoryExport && kind != memoryKind {
		r.refusef("the module exports something other than its memory as %q; rename it", memoryExport)
		return
	}
	number := 0
	switch kind {
	case functionKind:
		p.takeFunction(r, i)
		if r.err != nil {
			return
		}
		s, m := p.types[p.functions[i]], p.module
		m.exports[name] = len(m.Exports)
		m.Exports = append(m.Exports, Export{name, s.params, s.results})
		return
	case tableKind:
		number = p.tables
	case memoryKind:
		if p.hasMemory {
			number = 1
		}
		p.hasExport = p.hasExport || name == memoryExport
	case globalKind:
		number = len(p.globals)
	case tagKind:
		r.refuseFeature(exceptions)
	default:
		r.malformedf("an export of kind %d", kind)
	}
	if r.err == nil && int64(i) >= int64(number) {
		r.malformedf("export %q refers to number %d of %d", clip(name), i, number)
	}
}

func (p *parser) readStart(r *reader) {
	p.hasStart, p.start = true, r.u32()
	if r.err != nil {
		return
	}
	if int64(p.start) >= int64(len(p.functions)) {
		r.malformedf("the start function is number %d of %d", p.start, len(p.functions))
		return
	}
	if s := p.types[p.functions[p.start]]; len(s.params)+len(s.results) != 0 {
		r.malformedf("the start function has type %s", Signature(s.params, s.results))
	}
}
