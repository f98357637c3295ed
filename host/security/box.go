package security

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

// KeyBytes is the size of the key file: an AES-256 key, nothing else.
const KeyBytes = 32

// boxV1 begins what Seal returns: AES-256-GCM with a random nonce of 12
// bytes before, and a tag of 16 bytes after the ciphertext.
const boxV1 = 1

// ErrSealed says that Open could not authenticate its input: another key or
// other additional data sealed it, or it was changed.
var ErrSealed = errors.New("sealed with another key or for another use, or damaged; restore the key file that belongs to this data directory")

// Box seals secrets with the key of a file. It is safe for concurrent use.
type Box struct {
	key  []byte // of which others are derived
	aead cipher.AEAD
}

// NewBox returns a box over a key of [KeyBytes] bytes.
func NewBox(key []byte) (*Box, error) {
	if len(key) != KeyBytes {
		return nil, fmt.Errorf("key of %d bytes: %d are needed", len(key), KeyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("making cipher: %w", err)
	}
	return &Box{key: bytes.Clone(key), aead: aead}, nil
}

// Seal encrypts plain and binds it to additional, which is not part of the
// result and which Open must be given again.
func (b *Box) Seal(plain, additional []byte) []byte {
	out := make([]byte, 1, 1+len(plain)+b.aead.Overhead())
	out[0] = boxV1
	return b.aead.Seal(out, nil, plain, additional) //nolint:gosec // the cipher makes a random nonce itself
}

// Open returns what Seal was given, or an error that wraps [ErrSealed].
func (b *Box) Open(sealed, additional []byte) ([]byte, error) {
	if len(sealed) < 1+b.aead.Overhead() || sealed[0] != boxV1 {
		return nil, fmt.Errorf("opening sealed value: %w", ErrSealed)
	}
	plain, err := b.aead.Open(nil, nil, sealed[1:], additional)
	if err != nil {
		return nil, fmt.Errorf("opening sealed value: %w", ErrSealed)
	}
	return plain, nil
}
