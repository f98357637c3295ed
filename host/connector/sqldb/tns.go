package sqldb

import "encoding/binary"

// tns follows the packets of Oracle's TNS as they pass, for the driver makes
// room for whatever length a header has.
type tns struct {
	head []byte // of the packet that has begun
	left uint32 // of its body
	wide bool   // lengths have four bytes: the server accepted version 315 or later
	at   bool   // what follows is the version that it accepts
}

const (
	tnsHeader = 8
	tnsAccept = 2
	// maxTNS is twice the largest packet that the driver asks for.
	maxTNS = 4 << 20
)

// pass looks at bytes of the server and reports whether they are right.
func (t *tns) pass(b []byte) bool {
	for len(b) > 0 {
		if t.left > 0 && !t.at {
			n := min(uint32(len(b)), t.left) //nolint:gosec // of a buffer
			b, t.left = b[n:], t.left-n
			continue
		}
		t.head = append(t.head, b[0])
		b = b[1:]
		switch {
		case t.at && len(t.head) == tnsHeader+2:
			t.wide = binary.BigEndian.Uint16(t.head[tnsHeader:]) >= 315
			t.left, t.at, t.head = t.left-2, false, t.head[:0]
		case !t.at && len(t.head) == tnsHeader:
			length := uint32(binary.BigEndian.Uint16(t.head))
			if t.wide {
				length = binary.BigEndian.Uint32(t.head)
			}
			if length < tnsHeader || length > maxTNS {
				return false
			}
			t.left = length - tnsHeader
			if t.at = t.head[4] == tnsAccept && !t.wide && t.left >= 2; !t.at {
				t.head = t.head[:0]
			}
		}
	}
	return true
}
