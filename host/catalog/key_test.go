package catalog

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

var hostile = []string{
	"", "\x00", "\x00\x01", "\x00\xff", "\x01", "\xff", "a", "a\x00", "a\x00\x01", "a\x00\xff", "a\x01", "ab",
	"as", "d", "s", "../..", "a/b", "\x00\x01s", strings.Repeat("a", 300), "ключ",
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for _, a := range hostile {
		name, rest, ok := cutSegment(append(appendSegment(nil, a), "rest"...))
		if !ok || name != a || string(rest) != "rest" {
			t.Errorf("segment of %q came back as %q, rest %q, %v", a, name, rest, ok)
		}
		for _, b := range hostile {
			one, two := appendSegment(nil, a), appendSegment(nil, b)
			if (a == b) != bytes.Equal(one, two) {
				t.Errorf("%q and %q: segments %x and %x", a, b, one, two)
			}
			if a != b && bytes.HasPrefix(two, one) {
				t.Errorf("the segment of %q begins that of %q", a, b)
			}
			if strings.Compare(a, b) != bytes.Compare(one, two) {
				t.Errorf("segments of %q and %q sort unlike their names", a, b)
			}
			if strings.HasPrefix(b, a) != bytes.HasPrefix(two, appendEscaped(nil, a)) {
				t.Errorf("prefix %q of %q", a, b)
			}
		}
	}
	for _, bad := range []string{"", "a", "a\x00", "a\x00\x02", "\x00\xff"} {
		if name, _, ok := cutSegment([]byte(bad)); ok {
			t.Errorf("cutSegment(%q) = %q", bad, name)
		}
	}
}

// No key of one tenant lies under the prefix of another one's, and no two
// records share a key.
func TestKeysAreApart(t *testing.T) {
	t.Parallel()
	owners := make(map[string]string)
	for _, tenant := range hostile {
		keys := [][]byte{tenantKey(tenant), kindPrefix(tenant, dataCount)}
		for _, name := range hostile {
			for _, kind := range []byte{dataService, dataAuth, dataConn, dataChannel, dataConfig, dataSecret} {
				keys = append(keys, dataKey(tenant, kind, name))
			}
			for _, digest := range []string{"sha256:00", "sha256:01"} {
				keys = append(keys, versionKey(tenant, name, digest))
			}
		}
		for _, key := range keys {
			if other, taken := owners[string(key)]; taken {
				t.Errorf("key %q of %q is one of %q too", key, tenant, other)
			}
			owners[string(key)] = tenant
		}
	}
	for key, tenant := range owners {
		for _, other := range hostile {
			if other != tenant && strings.HasPrefix(key, string(dataPrefix(other))) {
				t.Errorf("key %q of %q lies under %q", key, tenant, other)
			}
		}
	}
}

func FuzzSegment(f *testing.F) {
	for _, s := range hostile {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name, rest, ok := cutSegment(data)
		if ok && !bytes.Equal(slices.Concat(appendSegment(nil, name), rest), data) {
			t.Errorf("cutSegment(%q) = %q, %q", data, name, rest)
		}
		if got, _, ok := cutSegment(appendSegment(nil, string(data))); !ok || got != string(data) {
			t.Errorf("segment of %q came back as %q", data, got)
		}
	})
}
