// Package badger is the host's embedded store: a [host.Store] over Badger v4
// in one directory of one process.
//
// Badger tracks the keys that a transaction reads, but not the ranges that it
// scans, and counts time to live in seconds. This package adds both: scans
// are checked at commit (ranges.go), and expiry is kept in milliseconds
// (entry.go).
package badger
