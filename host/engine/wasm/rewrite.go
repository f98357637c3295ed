package wasm

// rewrite returns the module's code as the package's documentation says.
func (p *parser) rewrite() []byte {
	size := len(coreHeader) + len(p.names) + 64
	for _, s := range p.raw {
		size += len(s) + 8
	}
	out := append(make([]byte, 0, size), coreHeader...)
	for _, id := range [...]int{
		typeSection, importSection, functionSection, tableSection, memorySection, globalSection,
		exportSection, elementSection, dataCountSection, codeSection, dataSection,
	} {
		content := p.raw[id]
		switch id {
		case exportSection:
			content = p.rewriteExports()
		case dataSection:
			content = p.rewriteData()
		}
		if content != nil {
			out = appendName(append(out, byte(id)), content) //nolint:gosec // a section's id is below 14
		}
	}
	if p.names != nil {
		content := append(appendName(nil, "name"), p.names...)
		out = appendName(append(out, customSection), content)
	}
	return out
}

// rewriteExports adds the host's own exports to the module's.
func (p *parser) rewriteExports() []byte {
	var added []byte
	n := p.exports
	add := func(name string, kind byte, index uint32) {
		added = append(appendName(added, name), kind)
		added = appendUint(added, uint64(index))
		n++
	}
	if !p.hasExport {
		add(memoryExport, memoryKind, 0)
	}
	if p.hasStart {
		add(StartExport, functionKind, p.start)
	}
	for _, g := range p.module.Globals {
		add(g.Export, globalKind, g.index)
	}
	content := appendUint(nil, uint64(n)) //nolint:gosec // a count
	if own := p.raw[exportSection]; own != nil {
		r := reader{b: own}
		r.u32() // the count
		content = append(content, own[r.at:]...)
	}
	return append(content, added...)
}

// rewriteData keeps passive segments and empties active ones.
func (p *parser) rewriteData() []byte {
	if p.raw[dataSection] == nil {
		return nil
	}
	content := appendUint(nil, uint64(len(p.data)))
	for _, d := range p.data {
		content = appendName(append(content, 1), d.passive)
	}
	return content
}

// wellFormedNames reports whether the content of a name section consists of
// subsections of ascending numbers that fill it. Names are for backtraces
// only, so a broken section is dropped, not refused.
func wellFormedNames(b []byte) bool {
	r := reader{b: b}
	for last := -1; !r.done() && r.err == nil; {
		id := int(r.byte())
		s := r.vector()
		if r.err != nil || id <= last {
			return false
		}
		last = id
		if id > 2 {
			continue // labels, types and such, which engines skip
		}
		if !wellFormedSubsection(id, s) {
			return false
		}
	}
	return r.err == nil
}

// wellFormedSubsection checks the names of the module (0), of functions (1)
// or of locals (2).
func wellFormedSubsection(id int, b []byte) bool {
	r := reader{b: b}
	names := func() {
		for range r.count("names", len(b), 2) {
			r.u32()
			r.name()
			if r.err != nil {
				return
			}
		}
	}
	switch id {
	case 0:
		r.name()
	case 1:
		names()
	default:
		for range r.count("names", len(b), 2) {
			r.u32()
			names()
			if r.err != nil {
				return false
			}
		}
	}
	return r.err == nil && r.done()
}
