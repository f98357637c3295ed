package security

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// TokenPrefix begins every token, so that scanners find leaked ones.
const TokenPrefix = "serai_"

// NewToken returns a token of 256 random bits, [TokenPrefix] and 43
// characters of base64url, and its hash as [HashToken] returns it.
func NewToken() (token string, hash []byte) {
	bits := make([]byte, 32)
	rand.Read(bits)
	token = TokenPrefix + base64.RawURLEncoding.EncodeToString(bits)
	return token, HashToken(token)
}

// HashToken returns the SHA-256 of a token, 32 bytes. A token is random
// enough to need no slow hash. Looking a token up by its hash leaks nothing
// through timing, since nobody can choose the hash.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
