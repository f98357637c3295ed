// Package rehearsal is what a host has more when it runs an author's tests:
// scripted systems in place of those that connections lead to, recorded
// replies, a clean key/value space for every test, and operations by which
// the tests in their sandbox arrange all that and look at what came of it.
//
// A [Stage] changes the operations and the queue of a host of its own, in
// process and with a temporary store. No other host knows these operations.
package rehearsal
