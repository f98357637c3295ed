// Package security keeps what must not be readable: it hashes passwords and
// keys, makes tokens, and seals secrets with a key that lives outside the
// database.
package security
