// Package gateway is the public HTTP side of the host. One Fiber handler
// looks each request up in a routing table that changes as a whole and at any
// time, authenticates it, hands it to the [host.Invoker] and writes the reply
// or a problem document.
//
// Clients are strangers, and so are the services' replies: sizes, counts and
// times of both are bounded here, and what could confuse another HTTP reader
// on the way is refused. Fiber reuses its buffers, therefore a [host.Call]
// holds copies only.
package gateway
