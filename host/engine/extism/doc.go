// Package extism runs plugins made with an Extism PDK, through Extism's own
// SDK (github.com/extism/go-sdk) on wazero.
//
// The SDK keeps what is Extism's: the kernel that holds input, output and
// error, and how languages are initialised. What reaches outside is ours: the
// import section of a plugin is rewritten, so that http_request, var_get,
// config_get, log_info and so on are functions of this package, which end in
// the operations of the call's [Host]. The SDK's own functions of these names
// are never linked.
//
// # Limits
//
// A plugin's linear memory and the kernel's are bounded together. Neither has
// files, environment or arguments; standard output goes to the log.
//
// Go cannot preempt a plugin. wazero checks at the beginning of every round of
// a loop whether the call is over, and the rewriting adds an empty loop to
// every function and to instructions that work on memory in bulk. So endless
// loops and recursion of any kind end at the deadline, at the price of about
// 30 ns a round and a call of a function. One instruction that fills or copies
// all of the memory, some 100 ms for 512 MiB, is not interrupted. A plugin
// also has a thread of its own as long as it computes: nothing shares the
// processors fairly between plugins as engine/wasmtime does for other modules.
package extism
