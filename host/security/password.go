package security

import (
	"crypto/rand"
	"crypto/subtle"
	"runtime"
	"sync"

	"golang.org/x/crypto/argon2"

	"github.com/seraihost/serai/host"
)

// MaxSecretBytes bounds a password or key. Longer ones are refused before
// anything is computed from them.
const MaxSecretBytes = 1024

// cost is what one argon2id hash takes.
type cost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// defaultCost is the second of the equivalent settings of OWASP's Password
// Storage Cheat Sheet (19 MiB, 2 passes, 1 lane): some 20 ms on one core.
var defaultCost = cost{memory: 19 << 10, time: 2, threads: 1}

// The most that a stored hash may ask for, so that a forged one does not
// take the host's memory.
var maxCost = cost{memory: 256 << 10, time: 16, threads: 16}

const (
	saltBytes = 16
	hashBytes = 32
)

// slots bounds how many hashes are computed at once, and so the memory that
// wrong guesses can take.
var slots = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))

var defaultVerifier = sync.OnceValue(func() *verifier { return newVerifier(defaultRemembered) })

// HashSecret returns the argon2id hash of a password or API key in the PHC
// string format, "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH". The error is a
// *host.Error about field "secret" when the secret is empty or longer than
// [MaxSecretBytes].
func HashSecret(secret string) (string, error) {
	switch {
	case secret == "":
		return "", host.FieldErrorf("secret", "the secret is empty; give a password or key of at least one byte")
	case len(secret) > MaxSecretBytes:
		return "", host.FieldErrorf("secret", "the secret has %d bytes; use at most %d", len(secret), MaxSecretBytes)
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	return phc{cost: defaultCost, salt: salt, hash: derive(defaultCost, salt, secret, hashBytes)}.String(), nil
}

// VerifySecret reports whether secret is the one that phc was made from.
// The comparison takes constant time. A malformed phc verifies nothing.
//
// The hash is slow by design, so a success is remembered: the next ones with
// the same pair cost less than a microsecond. What is remembered is an HMAC
// under a key of this process, never the secret. Changing a password changes
// phc, which makes what was remembered useless.
func VerifySecret(phc, secret string) bool { return defaultVerifier().verify(phc, secret) }

// RemembersSecret reports whether VerifySecret verified the pair not long ago,
// without the slow hash: false says nothing.
func RemembersSecret(phc, secret string) bool { return defaultVerifier().remembers(phc, secret) }

// foreignCost is the most that a hash may ask for which a guest brings.
var foreignCost = cost{memory: 64 << 10, time: 4, threads: 4}

// VerifyForeign is [VerifySecret] for hashes and secrets that a guest brings.
// It remembers nothing, so guests cannot have the host forget the clients that
// it knows, and refuses hashes that cost much more than those of [HashSecret].
// The error is a *host.Error about field "hash" or "secret".
func VerifyForeign(phc, secret string) (bool, error) {
	if len(secret) > MaxSecretBytes {
		return false, host.FieldErrorf("secret", "the secret has %d bytes; use at most %d", len(secret), MaxSecretBytes)
	}
	p, err := parsePHC(phc)
	if err != nil {
		return false, host.FieldErrorf("hash", "hash %q: %w; give one that was made by hashing a secret here", host.Clip(phc), err)
	}
	if c := p.cost; c.memory > foreignCost.memory || c.time > foreignCost.time || c.threads > foreignCost.threads {
		return false, host.FieldErrorf("hash", "the hash is too expensive to verify (m=%d,t=%d,p=%d); use at most m=%d,t=%d,p=%d",
			c.memory, c.time, c.threads, foreignCost.memory, foreignCost.time, foreignCost.threads)
	}
	return p.matches(secret), nil
}

func derive(c cost, salt []byte, secret string, n uint32) []byte {
	slots <- struct{}{}
	defer func() { <-slots }()
	return argon2.IDKey([]byte(secret), salt, c.time, c.memory, c.threads, n)
}

func verifySlow(encoded, secret string) bool {
	p, err := parsePHC(encoded)
	if err != nil {
		return false
	}
	return p.matches(secret)
}

func (p phc) matches(secret string) bool {
	got := derive(p.cost, p.salt, secret, uint32(len(p.hash))) //nolint:gosec // parsePHC bounds it to 64
	return subtle.ConstantTimeCompare(got, p.hash) == 1
}
