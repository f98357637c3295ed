// Package route matches requests of the gateway to their entries. A [Table]
// is built once and never changes, so that readers need no lock; a change of
// routes builds the next one.
//
// A pattern is a path of literal segments, parameters and at most one rest:
//
//	/user/{id}/orders        one segment each, not empty
//	/files/{path...}         everything after /files/, even nothing
//
// Where several patterns match, the more specific one wins: a named host
// before any host; then, segment by segment from the left, a literal before a
// parameter before a rest; then a named method before any. A more specific
// path that does not offer the method gives way to one that does.
package route
