package security

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealedV2 begins what Key.Seal returns: XChaCha20-Poly1305 with a random
// nonce of 24 bytes before, and a tag of 16 bytes after the ciphertext. With
// nonces of that size any number of values can be sealed with one key.
const sealedV2 = 2

// Key seals data that others may hold, with a key derived from that of a
// [Box]. It is safe for concurrent use.
type Key struct {
	aead cipher.AEAD
}

// Derive returns the key for a purpose, such as one tenant's data: always the
// same for the same box and purpose. It tells nothing about the box's key nor
// about those of other purposes.
func (b *Box) Derive(purpose string) (*Key, error) {
	key, err := hkdf.Key(sha256.New, b.key, nil, purpose, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving key: %w", err)
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("making cipher: %w", err)
	}
	return &Key{aead: aead}, nil
}

// Seal encrypts plain.
func (k *Key) Seal(plain []byte) []byte {
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(plain)+k.aead.Overhead())
	out[0] = sealedV2
	rand.Read(out[1:])
	return k.aead.Seal(out, out[1:], plain, out[:1])
}

// Open returns what Seal was given, or an error that wraps [ErrSealed].
func (k *Key) Open(sealed []byte) ([]byte, error) {
	head := 1 + chacha20poly1305.NonceSizeX
	if len(sealed) < head+k.aead.Overhead() || sealed[0] != sealedV2 {
		return nil, fmt.Errorf("opening sealed data: %w", ErrSealed)
	}
	plain, err := k.aead.Open(nil, sealed[1:head], sealed[head:], sealed[:1])
	if err != nil {
		return nil, fmt.Errorf("opening sealed data: %w", ErrSealed)
	}
	return plain, nil
}
