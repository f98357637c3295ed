package security

import (
	"bytes"
	"errors"
	"testing"
)

func derivedKey(t *testing.T, seed byte, purpose string) *Key {
	t.Helper()
	b, err := NewBox(bytes.Repeat([]byte{seed}, KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	k, err := b.Derive(purpose)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeySeals(t *testing.T) {
	k := derivedKey(t, 1, "a")
	for _, plain := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("long "), 1<<16)} {
		sealed := k.Seal(plain)
		if got, err := derivedKey(t, 1, "a").Open(sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %v", len(plain), err)
		}
		if bytes.Equal(sealed, k.Seal(plain)) {
			t.Error("sealing twice gives the same")
		}
		for name, other := range map[string]*Key{"another purpose": derivedKey(t, 1, "b"), "another box": derivedKey(t, 2, "a")} {
			if _, err := other.Open(sealed); !errors.Is(err, ErrSealed) {
				t.Errorf("opened with the key of %s: %v", name, err)
			}
		}
	}
}

func TestKeyRefusesWhatWasChanged(t *testing.T) {
	k := derivedKey(t, 1, "a")
	sealed := k.Seal([]byte("secret"))
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := k.Open(changed); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := k.Open(sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestVerifyForeign(t *testing.T) {
	hash, err := HashSecret("secret")
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]bool{"secret": true, "other": false, "": false} {
		if got, err := VerifyForeign(hash, secret); got != want || err != nil {
			t.Errorf("%q: %t, %v", secret, got, err)
		}
	}
	for _, wrong := range []string{"", "secret", "$argon2id$v=19$m=262144,t=16,p=16$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"} {
		if _, err := VerifyForeign(wrong, "secret"); err == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
	if _, err := VerifyForeign(hash, string(make([]byte, MaxSecretBytes+1))); err == nil {
		t.Error("a secret that is too long was accepted")
	}
}
