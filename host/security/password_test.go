package security

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	phc, err := HashSecret("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(phc, "horse") {
		t.Errorf("hash = %s", phc)
	}
	again, err := HashSecret("correct horse")
	if err != nil || again == phc {
		t.Errorf("two hashes of one secret are the same: %v", err)
	}
	for range 2 { // the second time from memory
		if !VerifySecret(phc, "correct horse") || !VerifySecret(again, "correct horse") {
			t.Error("the secret was refused")
		}
		for _, wrong := range []string{"", "correct hors", "correct horse ", "Correct horse", strings.Repeat("x", MaxSecretBytes+1)} {
			if VerifySecret(phc, wrong) {
				t.Errorf("%q was accepted", wrong)
			}
		}
	}
}

func TestHashSecretRefuses(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", strings.Repeat("x", MaxSecretBytes+1)} {
		if _, err := HashSecret(secret); host.CodeOf(err) != abi.Invalid {
			t.Errorf("HashSecret of %d bytes = %v", len(secret), err)
		}
	}
}

// Vector of the reference implementation: argon2 test.c, version 0x13,
// t=2, m=2^16, p=1, "password", "somesalt".
func TestKnownHash(t *testing.T) {
	t.Parallel()
	known := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !VerifySecret(known, "password") {
		t.Error("a hash of the reference implementation was refused")
	}
}

func TestParsePHCRefuses(t *testing.T) {
	t.Parallel()
	const salt, hash = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, s := range []string{
		"", "$", "$$$$$", "password", "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + hash,
		"$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + hash,
		"$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=64,t=4294967295,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=64,t=1,p=257$" + salt + "$" + hash,
		"$argon2id$v=19$m=64,t=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=-1,t=1,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=64,t=1,p=1$$" + hash,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$",
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + hash + "=",
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + hash + "$x",
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", 1000),
	} {
		if p, err := parsePHC(s); err == nil {
			t.Errorf("parsePHC(%q) = %v", s, p)
		}
		if VerifySecret(s, "password") {
			t.Errorf("%q verifies", s)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		again, err := parsePHC(p.String())
		if err != nil || again.String() != p.String() || again.cost != p.cost {
			t.Errorf("parsePHC(%q) = %v, of its own form %v, %v", s, p, again, err)
		}
		if p.cost.memory > maxCost.memory || p.cost.time < 1 || p.cost.threads < 1 {
			t.Errorf("cost out of bounds: %+v", p.cost)
		}
	})
}

func TestVerifierForgets(t *testing.T) {
	t.Parallel()
	v := newVerifier(8)
	kept := v.proof("phc", "kept")
	v.remember(kept)
	for i := range 1000 {
		v.remember(v.proof("phc", fmt.Sprint("other", i)))
		if !v.knows(kept) {
			t.Fatalf("a proof in use was forgotten after %d others", i)
		}
		if n := len(v.young) + len(v.old); n > 16 {
			t.Fatalf("%d proofs are kept", n)
		}
	}
	if v.knows(v.proof("phc", "other0")) {
		t.Error("a proof out of use is still known")
	}
	if v.proof("ab", "c") == v.proof("a", "bc") {
		t.Error("pairs are ambiguous")
	}
	if newVerifier(8).proof("phc", "kept") == kept {
		t.Error("two verifiers share a key")
	}
}

func TestVerifyHammer(t *testing.T) {
	t.Parallel()
	right, wrong := cheapHash(t, "right"), cheapHash(t, "wrong")
	v := newVerifier(2)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if !v.verify(right, "right") || v.verify(wrong, "right") {
					t.Error("wrong verdict")
				}
			}
		})
	}
	group.Wait()
}

func cheapHash(t testing.TB, secret string) string {
	t.Helper()
	c := cost{memory: 8, time: 1, threads: 1}
	salt := []byte("salt of " + secret)
	return phc{cost: c, salt: salt, hash: derive(c, salt, secret, 32)}.String()
}

func BenchmarkVerifyRemembered(b *testing.B) {
	phc, err := HashSecret("correct horse")
	if err != nil || !VerifySecret(phc, "correct horse") {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		VerifySecret(phc, "correct horse")
	}
}

func BenchmarkVerifyFirst(b *testing.B) {
	phc, err := HashSecret("correct horse")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		verifySlow(phc, "correct horse")
	}
}
