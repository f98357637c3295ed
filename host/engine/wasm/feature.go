package wasm

// feature is a part of WebAssembly that no module here may use.
type feature struct{ name, remedy string }

// The refused features, with what an author does about each.
var (
	simd = feature{
		"vector instructions (SIMD)",
		"build without them: with clang drop -msimd128, with Rust use -C target-feature=-simd128",
	}
	threads = feature{
		"threads (shared memory or atomic instructions)",
		"build without them: with clang drop -pthread and -matomics, with Rust use -C target-feature=-atomics",
	}
	memory64      = feature{"64-bit memory", "build for wasm32"}
	multiMemory   = feature{"several memories", "build with one memory"}
	pageSizes     = feature{"custom page sizes", "build with pages of 64 KiB"}
	exceptions    = feature{"exceptions", "build without -fwasm-exceptions"}
	tailCalls     = feature{"tail calls", "build without -mtail-call"}
	typedRefs     = feature{"typed function references", "build for WebAssembly 2.0"}
	gc            = feature{"garbage collection (GC) types", "build for WebAssembly 2.0 without GC"}
	stackSwitch   = feature{"stack switching", "build for WebAssembly 2.0"}
	wideArith     = feature{"wide arithmetic", "build without -mwide-arithmetic"}
	componentKind = "this is a WebAssembly component; build a core module instead " +
		"(target wasm32-wasip1, not wasm32-wasip2, and no step that makes a component of it)"
)

func (r *reader) refuseFeature(f feature) {
	r.refusef("the module uses %s, which is not supported; %s", f.name, f.remedy)
}

// valueType reads the type of a value.
func (r *reader) valueType() byte {
	t := r.byte()
	r.checkType(t)
	return t
}

func (r *reader) checkType(t byte) {
	switch t {
	case I32, I64, F32, F64, FuncRef, ExternRef:
	case vectorType:
		r.refuseFeature(simd)
	case 0x69, 0x74: // exnref, noexn
		r.refuseFeature(exceptions)
	case 0x63, 0x64: // (ref null ht), (ref ht)
		r.refuseFeature(typedRefs)
	case 0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x72, 0x73, 0x78, 0x77: // any, eq, i31, struct, array, none, noextern, nofunc, i8, i16
		r.refuseFeature(gc)
	default:
		if r.err == nil {
			r.at--
			r.malformedf("0x%02x is no value type", t)
		}
	}
}

// refType reads the type of a reference.
func (r *reader) refType() byte {
	t := r.valueType()
	if r.err == nil && !isRef(t) {
		r.at--
		r.malformedf("%s is no reference type", typeName(t))
	}
	return t
}

func isRef(t byte) bool { return t == FuncRef || t == ExternRef }

// limits reads the limits of a table or memory; max is -1 if not declared.
func (r *reader) limits() (minimum uint32, maximum int64) {
	flags := r.byte()
	switch {
	case r.err != nil:
	case flags&^0x0f != 0:
		r.at--
		r.malformedf("0x%02x begins no limits", flags)
	case flags&0x08 != 0:
		r.refuseFeature(pageSizes)
	case flags&0x04 != 0:
		r.refuseFeature(memory64)
	case flags&0x02 != 0:
		r.refuseFeature(threads)
	}
	minimum, maximum = r.u32(), -1
	if flags&1 != 0 {
		maximum = int64(r.u32())
		if r.err == nil && maximum < int64(minimum) {
			r.malformedf("limits whose maximum %d is below their minimum %d", maximum, minimum)
		}
	}
	return minimum, maximum
}
