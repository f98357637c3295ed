package kv

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// MaxAreaBytes bounds the name of an area, UTF-8.
const MaxAreaBytes = 128

// Areas are separate spaces of keys of a tenant: what a cache or a data
// dictionary holds is never in the way of the tenant's own keys, which are
// area "". Grants on keys are about that one.
//
// In the store all keys of a tenant begin with [Prefix]. Those of an area go
// on with areaMark, the length of the area's name and the name. No key begins
// with areaMark, since it occurs nowhere in UTF-8, and it sorts after all.
const areaMark = 0xff

// Area returns the space of the same tenants' keys in another area.
func (s *Space) Area(name string) (*Space, error) {
	if len(name) > MaxAreaBytes || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return nil, host.FieldErrorf(abi.FieldArea, "area %q: use at most %d bytes of printable UTF-8", host.Clip(name), MaxAreaBytes)
	}
	if name == s.area {
		return s, nil
	}
	other := *s
	other.area = name
	return &other, nil
}

// Prefix returns the prefix under which the store holds a tenant's keys of
// all areas. The tenant's length precedes its name, so no name is a prefix of
// another.
func Prefix(tenant string) []byte {
	p := make([]byte, 0, len("kv/")+1+len(tenant)+MaxKeyBytes)
	p = append(p, "kv/"...)
	p = append(p, byte(len(tenant))) //nolint:gosec // base checks the name, at most 63 bytes
	return append(p, tenant...)
}

// base returns what the keys of a tenant in the space's area begin with.
func (s *Space) base(tenant string) ([]byte, error) {
	if err := host.CheckTenantName(tenant); err != nil {
		return nil, err
	}
	p := Prefix(tenant)
	if s.area != "" {
		p = append(p, areaMark, byte(len(s.area))) //nolint:gosec // Area checks the name
		p = append(p, s.area...)
	}
	return p, nil
}

// foreign reports whether a key found under base belongs to another area.
func foreign(key, base []byte) bool { return len(key) > len(base) && key[len(base)] == areaMark }
