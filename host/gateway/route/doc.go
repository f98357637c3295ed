// Package route matches requests of the gateway to their entries. A [Table]
// is built once and never changes, so that readers need no lock; a change of
// routes builds the next one.
//
// A pattern is a path of literal segments, parameters and at most one rest:
//
//	/user/{id}/orders        one segment each, not empty
//	/report-{year}.{kind}    parts of a segment
//	/files/{path...}         everything after /files/, even nothing
//
// With MatchSlash the placeholders of a pattern take slashes too, so that
// /{a}/b matches /x/y/b.
//
// Where several patterns match, the more specific one wins: a named host
// before any host; then, segment by segment from the left, a literal before a
// literal with placeholders (the more text, the more specific) before a
// placeholder before one that takes slashes before a rest; then a named method
// before any; then the media type that the client prefers. A more specific
// path that does not offer the method or a media type gives way to one that
// does.
package route
