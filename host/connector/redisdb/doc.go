// Package redisdb connects services to Redis and Valkey: one server, a cluster
// or what Sentinel watches.
//
// Services send commands in Redis' own protocol, RESP2, and get replies in it.
// Neither side is trusted: parse.go reads what a service sends, taking.go what a
// server sends over the socket that commands share, guard.go what it sends over
// those of the library.
package redisdb
