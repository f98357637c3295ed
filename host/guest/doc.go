// Package guest is the host's side of the ABI: the functions that guests
// import from abi.ImportModule, and the [Session] that holds the state of one
// call between them.
//
// Every pointer and length of a guest is checked here. A function that finds
// an argument wrong returns a negated code; it never traps, so that the
// guest's own error handling sees it.
package guest
