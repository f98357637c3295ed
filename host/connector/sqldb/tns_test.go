package sqldb

import (
	"bytes"
	"testing"
)

func TestPackets(t *testing.T) {
	t.Parallel()
	const data = 6
	packet := func(kind byte, body string) []byte {
		return append([]byte{0, byte(8 + len(body)), 0, 0, kind, 0, 0, 0}, body...)
	}
	wide := append([]byte{0, 0, 1, 8, data, 0, 0, 0}, bytes.Repeat([]byte("x"), 256)...)
	accept := packet(tnsAccept, "\x01\x3e more")
	for name, c := range map[string]struct {
		stream []byte
		right  bool
	}{
		"packets":              {append(packet(data, "abc"), packet(data, "")...), true},
		"a length of nothing":  {make([]byte, 8), false},
		"a short length":       {[]byte{0, 7, 0, 0, data, 0, 0, 0}, false},
		"wide after accepting": {append(bytes.Clone(accept), wide...), true},
		"wide before":          {wide, false},
		"4 GiB":                {append(bytes.Clone(accept), 0xff, 0xff, 0xff, 0xff, data, 0, 0, 0), false},
		"an old version":       {append(packet(tnsAccept, "\x01\x3a"), packet(data, "abc")...), true},
	} {
		for _, step := range []int{1, 3, len(c.stream)} { // as it comes from the network
			guard, right := new(tns), true
			for rest := c.stream; len(rest) > 0 && right; {
				n := min(step, len(rest))
				right, rest = guard.pass(rest[:n]), rest[n:]
			}
			if right != c.right {
				t.Errorf("%s, %d bytes at a time: %v", name, step, right)
			}
		}
	}
}

func FuzzPackets(f *testing.F) {
	f.Add([]byte{0, 11, 0, 0, 2, 0, 0, 0, 1, 0x3e, 0, 0, 0, 0, 9, 6, 0, 0, 0, 7}, 3)
	f.Fuzz(func(t *testing.T, stream []byte, at int) {
		whole, parts := new(tns), new(tns)
		at = max(0, min(at, len(stream)))
		right := whole.pass(stream)
		if split := parts.pass(stream[:at]) && parts.pass(stream[at:]); split != right {
			t.Errorf("%v at once, %v in parts", right, split)
		}
	})
}
