package wasm

// Limits on a module. They are at or below those that the engines set, so
// that a module which passes here is not refused for its size later; what
// they bound is the work and the memory of compiling a hostile module.
const (
	maxModuleBytes   = 512 << 20
	maxNameBytes     = 100_000
	maxTypes         = 100_000
	maxParams        = 1_000
	maxResults       = 1_000
	maxImports       = 10_000
	maxFunctions     = 200_000
	maxTables        = 100
	maxTableElements = 1_000_000
	maxGlobals       = 100_000
	maxExports       = 100_000
	maxElements      = 100_000 // element segments
	maxSegments      = 100_000 // data segments
	maxLocals        = 50_000  // of one function
	maxBodyBytes     = 7_654_321
	maxConstDepth    = 64 // values on the stack of a constant expression
	maxMemoryPages   = 1 << 16
)
