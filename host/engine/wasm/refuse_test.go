package wasm_test

import (
	"bytes"
	"strings"
	"testing"

	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/wasm"
)

// body returns a module whose one function has these instructions.
func body(code ...[]byte) []byte {
	m := wt.New(1, 0)
	m.Func(wt.Func{Export: "f", Body: wt.Code(code...)})
	return m.Bytes()
}

// sections returns a module of raw sections.
func sections(s ...[]byte) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), bytes.Join(s, nil)...)
}

func TestRefused(t *testing.T) {
	memory := wt.Section(5, []byte{1, 0, 1})
	function := [][]byte{wt.Section(1, []byte{1, 0x60, 0, 0}), wt.Section(3, []byte{1, 0})}
	emptyBody := wt.Section(10, []byte{1, 2, 0, 0x0b})
	tests := map[string]struct {
		code []byte
		want string
	}{
		"empty":      {nil, "not a WebAssembly module"},
		"text":       {[]byte("(module)"), "not a WebAssembly module"},
		"cut magic":  {[]byte("\x00asm\x01"), "not a WebAssembly module"},
		"component":  {[]byte("\x00asm\x0d\x00\x01\x00\x07"), "this is a WebAssembly component; build a core module"},
		"version 2":  {[]byte("\x00asm\x02\x00\x00\x00"), "version 02000000"},
		"no memory":  {sections(), "has no memory"},
		"no memory2": {sections(wt.Section(5, []byte{0})), "has no memory"},

		"SIMD":                {body(wt.Op(0xfd, 0x0c)), "vector instructions (SIMD)"},
		"SIMD type":           {sections(wt.Section(1, []byte{1, 0x60, 1, 0x7b, 0})), "-msimd128"},
		"SIMD local":          {simdLocal(), "vector instructions (SIMD)"},
		"SIMD block":          {body(wt.Op(0x02, 0x7b), wt.End), "vector instructions (SIMD)"},
		"SIMD global":         {sections(memory, wt.Section(6, []byte{1, 0x7b, 0, 0xfd, 0x0b})), "vector instructions (SIMD)"},
		"atomics":             {body(wt.Op(0xfe, 0x00)), "threads"},
		"shared memory":       {sections(wt.Section(5, []byte{1, 3, 1, 1})), "threads"},
		"64-bit memory":       {sections(wt.Section(5, []byte{1, 4, 1})), "64-bit memory, which is not supported; build for wasm32"},
		"page size":           {sections(wt.Section(5, []byte{1, 8, 1, 0})), "custom page sizes"},
		"two memories":        {sections(wt.Section(5, []byte{2, 0, 1, 0, 1})), "several memories"},
		"memory index":        {body(wt.Op(0x3f, 1)), "several memories"},
		"access index":        {body(wt.Op(0x28, 0x42, 1, 0)), "several memories"},
		"data memory":         {sections(memory, wt.Section(11, []byte{1, 2, 1, 0x41, 0, 0x0b, 0})), "several memories"},
		"tag":                 {sections(memory, wt.Section(13, []byte{0})), "exceptions"},
		"try":                 {body(wt.Op(0x06, 0x40)), "exceptions"},
		"try_table":           {body(wt.Op(0x1f, 0x40)), "exceptions"},
		"tail call":           {body(wt.Op(0x12, 0)), "tail calls"},
		"call_ref":            {body(wt.Op(0x14, 0)), "typed function references"},
		"typed null":          {body(wt.Op(0xd0, 0)), "typed function references"},
		"table initialiser":   {sections(wt.Section(4, []byte{1, 0x40, 0, 0x70})), "typed function references"},
		"GC":                  {body(wt.Op(0xfb, 0)), "garbage collection"},
		"struct type":         {sections(wt.Section(1, []byte{1, 0x5f, 0})), "garbage collection"},
		"recursive types":     {sections(wt.Section(1, []byte{1, 0x4e, 0})), "garbage collection"},
		"anyref":              {sections(wt.Section(1, []byte{1, 0x60, 1, 0x6e, 0})), "garbage collection"},
		"stack switching":     {body(wt.Op(0xe0, 0)), "stack switching"},
		"wide arithmetic":     {body(wt.Op(0xfc, 19)), "wide arithmetic"},
		"memory.discard":      {body(wt.Op(0xfc, 18, 0)), "memory.discard"},
		"unknown instruction": {body(wt.Op(0x27)), "0x27 is no instruction"},
		"unknown numeric":     {body(wt.Op(0xfc, 99)), "0xfc 99 is no instruction"},

		"unknown import":   {importing("env", "socket\n"), "imports the function env.socket?, which this host does not offer"},
		"import signature": {importing("env", "f"), "imports the function env.f as (), but this host offers it as (i32, i64) -> i32"},
		"import memory":    {sections(wt.Section(2, []byte("\x01\x03env\x06memory\x02\x00\x01"))), "imports the memory env.memory"},
		"import table":     {sections(wt.Section(2, []byte("\x01\x03env\x01t\x01\x70\x00\x01"))), "imports the table env.t"},
		"import global":    {sections(wt.Section(2, []byte("\x01\x03env\x01g\x03\x7f\x00"))), "imports the global env.g"},
		"import tag":       {sections(wt.Section(2, []byte("\x01\x03env\x01g\x04\x00\x00"))), "exceptions"},

		"reserved export":    {exporting("serai:global:0"), `names that begin with "serai:" are the host's`},
		"function as memory": {sections(append(function, wt.Section(7, []byte("\x01\x06memory\x00\x00")), emptyBody)...), `other than its memory as "memory"`},
		"duplicate export":   {exporting("a", "a"), `two exports are named "a"`},
		"huge table":         {sections(wt.Section(4, []byte{1, 0x70, 0, 0xff, 0xff, 0xff, 0x07}), memory), "a table has 16777215 elements; at most 1000000"},
		"many locals":        {manyLocals(), "more than 50000 locals"},
		"data out of range":  {outOfRange(), "data segment 0 ends at byte 65537, beyond the memory's initial 65536 bytes"},
		"unusable memory":    {sections(wt.Section(5, []byte{1, 1, 0, 0})), "can never hold a byte"},

		"cut section":      {sections([]byte{1, 5, 1}), "malformed WebAssembly at byte 10: section 1 is longer than the file"},
		"long section":     {sections(wt.Section(1, []byte{0, 0})), "longer than its content"},
		"section order":    {sections(memory, wt.Section(4, []byte{0})), "out of order"},
		"section twice":    {sections(memory, memory), "out of order"},
		"unknown section":  {sections(wt.Section(99, nil)), "unknown section 99"},
		"huge count":       {sections(wt.Section(1, []byte{0xff, 0xff, 3})), "65535 types in 0 bytes"},
		"over a limit":     {sections(wt.Section(1, []byte{0xff, 0xff, 0xff, 0x7f})), "has 268435455 types; at most 100000"},
		"long number":      {sections(wt.Section(1, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0})), "number over 32 bits"},
		"no bodies":        {sections(append(function, memory)...), "1 functions but 0 bodies"},
		"type index":       {sections(wt.Section(3, []byte{1, 0})), "type 0 of 0"},
		"unclosed body":    {body(wt.Block), "unexpected end"},
		"code after end":   {body(wt.End), "instructions after the end"},
		"constant":         {sections(memory, wt.Section(6, []byte{1, 0x7f, 0, 0x45, 0x0b})), "0x45 in a constant expression"},
		"constant type":    {sections(memory, wt.Section(6, []byte{1, 0x7e, 0, 0x41, 0, 0x0b})), "type i64 with a value of type i32"},
		"constant stack":   {sections(memory, wt.Section(6, []byte{1, 0x7f, 0, 0x6a, 0x0b, 0})), "arithmetic on other values"},
		"mutable constant": {sections(memory, wt.Section(6, []byte{2, 0x7f, 1, 0x41, 0, 0x0b, 0x7f, 0, 0x23, 0, 0x0b})), "no earlier constant"},
		"data count":       {sections(memory, wt.Section(12, []byte{2}), wt.Section(11, []byte{0})), "says 2 segments, the data section has 0"},
		"no data count":    {body(wt.DataDrop(0)), "which the data count section does not have"},
		"export index":     {sections(memory, wt.Section(7, []byte("\x01\x01m\x02\x01"))), "number 1 of 1"},
		"name":             {sections(wt.Section(7, []byte("\x01\x01\xff\x02\x00"))), "not UTF-8"},
		"limits":           {sections(wt.Section(5, []byte{1, 1, 2, 1})), "maximum 1 is below their minimum 2"},
		"memory pages":     {sections(wt.Section(5, []byte{1, 0, 0x81, 0x80, 0x04})), "over 65536 pages"},
		"start type":       {startType(), "the start function has type (i32)"},
		"start undeclared": {startUndeclared(), "ref.func 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, test.code, known); !strings.Contains(got, test.want) {
				t.Errorf("message %q has no %q", got, test.want)
			}
		})
	}
}

func simdLocal() []byte {
	m := wt.New(1, 0)
	m.Func(wt.Func{Locals: []byte{0x7b}})
	return m.Bytes()
}

func importing(module, name string) []byte {
	m := wt.New(1, 0)
	m.Import(module, name, nil, nil)
	return m.Bytes()
}

func exporting(names ...string) []byte {
	m := wt.New(1, 0)
	for _, name := range names {
		m.Func(wt.Func{Export: name})
	}
	return m.Bytes()
}

func outOfRange() []byte {
	m := wt.New(1, 0)
	m.Data(wt.I32Const(wasm.PageSize-1), []byte("ab"))
	return m.Bytes()
}

func manyLocals() []byte {
	return sections(wt.Section(1, []byte{1, 0x60, 0, 0}), wt.Section(3, []byte{1, 0}), wt.Section(5, []byte{1, 0, 1}),
		wt.Section(10, append([]byte{1, 9, 1}, 0xff, 0xff, 0xff, 0xff, 0x0f, wt.I32, 0x0b, 0)))
}

func startType() []byte {
	m := wt.New(1, 0)
	m.Start(m.Func(wt.Func{Params: []byte{wt.I32}}))
	return m.Bytes()
}

// startUndeclared takes a reference to the start function, which only the
// rewrite's export of it would make valid.
func startUndeclared() []byte {
	m := wt.New(1, 0)
	m.Start(m.Func(wt.Func{Body: wt.Code(wt.RefFunc(0), wt.Drop)}))
	return m.Bytes()
}

// TestTruncated inspects every prefix of a module.
func TestTruncated(t *testing.T) {
	code := example().Bytes()
	for n := range code {
		m, err := wasm.Inspect(code[:n], nil)
		if err == nil && len(m.Exports) > 1 {
			t.Errorf("accepted the first %d of %d bytes", n, len(code))
		}
	}
}
