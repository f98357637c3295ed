// Package redisdb connects services to Redis and Valkey: one server, a cluster
// or what Sentinel watches.
//
// Services send commands in Redis' own protocol, RESP2, and get replies in it.
// Neither side is trusted: parse.go reads what a service sends, guard.go what a
// server sends, before anything is made of it.
package redisdb
