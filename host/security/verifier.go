package security

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// defaultRemembered is how many successes a generation of the memory holds.
const defaultRemembered = 1024

// proof stands for a pair of hash and secret that was verified.
type proof [sha256.Size]byte

// verifier remembers successes in two generations: when the young one is
// full it becomes the old one and the old one is dropped. So at most twice
// size proofs are kept, and those in use stay.
type verifier struct {
	size int
	macs sync.Pool // of hash.Hash, keyed

	mu         sync.RWMutex
	young, old map[proof]struct{}
}

func newVerifier(size int) *verifier {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return &verifier{
		size:  size,
		macs:  sync.Pool{New: func() any { return hmac.New(sha256.New, key) }},
		young: make(map[proof]struct{}),
	}
}

func (v *verifier) remembers(phc, secret string) bool {
	return secret != "" && len(secret) <= MaxSecretBytes && v.knows(v.proof(phc, secret))
}

func (v *verifier) verify(phc, secret string) bool {
	if secret == "" || len(secret) > MaxSecretBytes {
		return false
	}
	p := v.proof(phc, secret)
	if v.knows(p) {
		return true
	}
	if !verifySlow(phc, secret) {
		return false
	}
	v.remember(p)
	return true
}

// proof is HMAC(key, length of phc, phc, secret).
func (v *verifier) proof(phc, secret string) proof {
	buf := make([]byte, 0, 256)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(phc))) //nolint:gosec // longer ones do not parse
	buf = append(buf, phc...)
	buf = append(buf, secret...)

	mac := v.macs.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
	mac.Reset()
	mac.Write(buf)
	var p proof
	mac.Sum(p[:0])
	v.macs.Put(mac)
	return p
}

func (v *verifier) knows(p proof) bool {
	v.mu.RLock()
	_, young := v.young[p]
	_, old := v.old[p]
	v.mu.RUnlock()
	if old && !young {
		v.remember(p)
	}
	return young || old
}

func (v *verifier) remember(p proof) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.young) >= v.size {
		v.old, v.young = v.young, make(map[proof]struct{}, v.size)
	}
	v.young[p] = struct{}{}
}
