// Package async makes the calls of services that nobody waits for: at once,
// later, again until they succeed, or several whose outcomes are collected,
// and then their callbacks.
//
// A call is a message in its tenant's own durable queue, so that it survives
// kill -9 and no tenant waits behind another's calls. It is made at least
// once: what follows from it (a callback, the next attempt) is on disk, under
// an id that is made of the call's, before the call's message is gone. When a
// crash has a message come again, so does what follows, and the queue drops
// what it holds or had within minutes. The final callback of a group is
// published by whichever target is the last; the store remembers outcomes and
// finals that are done, so that a group has one final callback. Like any call, it
// is made again if the host is killed after it has run and before that is noted.
package async
