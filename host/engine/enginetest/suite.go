package enginetest

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
)

// Make returns an engine whose guests can import the host functions. It
// registers its Close with t.Cleanup.
type Make func(t testing.TB, host []engine.HostFunc) engine.Engine

// Features are what an engine promises beyond the contract. The suite tests
// a promise and skips what is not promised.
type Features struct {
	// Interrupt says that any guest ends soon after its deadline, also one
	// that recurses without a loop, and that guests of different keys take turns.
	Interrupt bool
	// HoldsNoThread says that a guest waiting in a host call holds no thread
	// of the operating system.
	HoldsNoThread bool
}

// Run runs the suite.
func Run(t *testing.T, newEngine Make, f Features) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *suite)
	}{
		{"Call", testCall},
		{"CallUnknown", testCallUnknown},
		{"HostFunctions", testHostFunctions},
		{"HostError", testHostError},
		{"ContextEndsHostCall", testContextEndsHostCall},
		{"ContextAlreadyDone", testContextAlreadyDone},
		{"Exit", testExit},
		{"Used", testUsed},
		{"Compile", testCompile},
		{"InstantiateOverLimit", testInstantiateOverLimit},
		{"MemoryGrow", testMemoryGrow},
		{"MemoryDeclaredMaximum", testMemoryDeclaredMaximum},
		{"MemoryEmpty", testMemoryEmpty},
		{"ImageStart", testImageStart},
		{"ImageLargerThanModule", testImageLargerThanModule},
		{"Freeze", testFreeze},
		{"ResetMemory", testResetMemory},
		{"ResetGlobals", testResetGlobals},
		{"ResetGrown", testResetGrown},
		{"StartFunction", testStartFunction},
		{"Trap", testTrap},
		{"TrapBacktrace", testTrapBacktrace},
		{"HostileLoops", testHostileLoops},
		{"HostileStart", testHostileStart},
		{"HostileGrowth", testHostileGrowth},
		{"HostileRecursion", testHostileRecursion},
		{"HostilePointers", testHostilePointers},
		{"HostileBranches", testHostileBranches},
		{"CPUBudget", testCPUBudget},
		{"Turns", testTurns},
		{"WaitingHoldsNoThread", testWaitingHoldsNoThread},
		{"Hammer", testHammer},
		{"Close", testClose},
		{"WASI", testWASI},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, &suite{newEngine: newEngine, features: f}) })
	}
}

// suite is what a test gets.
type suite struct {
	newEngine Make
	features  Features
}

// guest compiles the test guest on an engine of its own.
func (s *suite) guest(t testing.TB) *Guest {
	return NewGuest(t, s.newEngine(t, HostFuncs()), Program())
}

// compile compiles another module on an engine of its own.
func (s *suite) compile(t testing.TB, code []byte) *Guest {
	return NewGuest(t, s.newEngine(t, HostFuncs()), code)
}
