// Package config reads and writes serai.yaml, the document that says what a
// tenant has: services, channels, connections, security definitions,
// configuration and secrets. Reading is strict: every unknown key, wrong type
// and missing variable is an error with its line and column, and all of them
// are reported at once.
//
// The package knows the document only. What it means for a host is decided
// where it is applied, which names what is wrong by the same paths that
// [Positions] maps back to lines.
package config
