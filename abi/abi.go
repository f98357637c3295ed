// Package abi is the contract between the Serai host and its guests: the
// names of functions, the encoding of envelopes, error codes and limits.
//
// A guest is a core WebAssembly module. It imports functions from the module
// [ImportModule] and exports the functions named Export…; docs/abi.md
// describes each of them with its parameters. Payload bytes cross the
// boundary as they are; only the [Envelope] that goes with them is encoded.
//
// The package imports the standard library only, so that guests compiled
// with Go share it with the host.
package abi

// ImportModule is the WebAssembly module name from which guests import the
// host's functions. A change that breaks existing guests gets a new name.
const ImportModule = "serai_v1"

// Functions that the host offers under [ImportModule]. Lengths and pointers
// are unsigned 32-bit integers into the guest's linear memory; a result of
// type i32 that is negative is a negated [Code].
const (
	// FnCall performs one operation of a connector:
	// call(env_ptr, env_len, body_ptr, body_len, result_ptr i32) i32.
	// It writes a [Result] of [ResultSize] bytes at result_ptr.
	FnCall = "call"
	// FnRead reads the next bytes of a stream: read(handle, ptr, len i32) i32.
	// Zero is the end of the stream.
	FnRead = "read"
	// FnWrite appends to the reply's body (handle 0), or to the body of an
	// operation: write(handle, ptr, len i32) i32.
	FnWrite = "write"
	// FnClose ends a stream early: close(handle i32) i32.
	FnClose = "close"
	// FnReply sets the reply, once: reply(env_ptr, env_len, body_ptr, body_len i32) i32.
	FnReply = "reply"
	// FnLog writes one log record: log(level, ptr, len i32) i32.
	FnLog = "log"
	// FnTime returns nanoseconds of a clock: time(clock i32) i64.
	FnTime = "time"
	// FnRandom fills memory with cryptographic randomness: random(ptr, len i32) i32.
	FnRandom = "random"
)

// Functions that a guest exports.
const (
	// ExportInitialize is the WASI reactor's own initialiser; it is called
	// first if the guest exports it.
	ExportInitialize = "_initialize"
	// ExportBoot prepares a language runtime before any service is known:
	// serai_boot() i32. The base image is frozen after it.
	ExportBoot = "serai_boot"
	// ExportInit loads the service: serai_init(envelope_len, body_len i32) i32.
	// Optional; the image is frozen after it. A result other than zero
	// refuses the deploy with the reply's error fields.
	ExportInit = "serai_init"
	// ExportHandle serves one call: serai_handle(envelope_len, body_len i32) i32.
	// Zero means that the reply was set; otherwise the result is a [Code].
	ExportHandle = "serai_handle"
	// ExportMemory is the guest's one linear memory.
	ExportMemory = "memory"
)

// Handles that exist in every call.
const (
	// HandleRequest reads the request: its envelope, then its body.
	HandleRequest = 0
	// HandleReply writes the reply's body.
	HandleReply = 0
)

// Clocks for [FnTime].
const (
	ClockRealtime  = 0 // nanoseconds since 1970-01-01T00:00:00Z
	ClockMonotonic = 1 // nanoseconds since an arbitrary moment
)

// Log levels for [FnLog]; the numbers of Python's logging module.
const (
	LevelDebug    = 10
	LevelInfo     = 20
	LevelWarning  = 30
	LevelError    = 40
	LevelCritical = 50
)

// Bounds on what a guest may hand over in one go.
const (
	MaxFields       = 1024    // fields of an envelope
	MaxNameBytes    = 256     // bytes of a field's name
	MaxEnvelopeSize = 1 << 20 // bytes of an encoded envelope
	MaxLogRecord    = 64 << 10
	MaxRandomBytes  = 1 << 20
	MaxHandles      = 256 // streams that a call may hold open
	MaxBodies       = 16  // bodies of operations among them that it writes at a time
)

// ResultSize is the number of bytes that [FnCall] writes at result_ptr.
const ResultSize = 12

// UnknownLength in [Result].BodyLen says that the body streams until a read
// returns zero.
const UnknownLength = 0xFFFFFFFF
