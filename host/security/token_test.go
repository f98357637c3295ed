package security

import (
	"bytes"
	"regexp"
	"testing"
)

func TestNewToken(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^serai_[A-Za-z0-9_-]{43}$`)
	seen := make(map[string]bool)
	for range 100 {
		token, hash := NewToken()
		if !form.MatchString(token) || seen[token] {
			t.Errorf("token %q", token)
		}
		seen[token] = true
		if len(hash) != 32 || !bytes.Equal(hash, HashToken(token)) {
			t.Errorf("hash %x of %q", hash, token)
		}
	}
}
