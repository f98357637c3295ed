package gateway

import (
	"encoding/hex"
	"math/rand/v2"
)

// maxCID bounds a request id that a client brings.
const maxCID = 128

// saneCID reports whether a client's request id may be taken over: it appears
// in logs, headers and documents.
func saneCID(s string) bool { return len(s) <= maxCID && printable(s) }

// newCID returns 128 random bits in hexadecimal. They identify a request and
// protect nothing, so the fast generator is enough.
func newCID() string {
	var raw [16]byte
	var text [32]byte
	for i := 0; i < len(raw); i += 8 {
		v := rand.Uint64() //nolint:gosec // see above
		for j := range 8 {
			raw[i+j] = byte(v >> (8 * j)) //nolint:gosec // the low byte is meant
		}
	}
	hex.Encode(text[:], raw[:])
	return string(text[:])
}
