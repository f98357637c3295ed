package amqp

import (
	"encoding/binary"
	"fmt"
	"net"
)

// maxBody bounds the body of a message that a broker may send. It is what
// RabbitMQ itself takes unless told otherwise; the library has no bound.
const maxBody = 128 << 20

// guard is a connection that breaks off when the broker announces a message
// with a larger body. It reads along the frames: a type, a channel (2 bytes),
// a size (4), the payload and an end (1). The payload of a header frame begins
// with a class (2), a weight (2) and the size of the body (8).
type guard struct {
	net.Conn

	head [frameHead + headerHead]byte
	have int    // bytes of head
	skip uint64 // bytes until the next frame
}

const (
	frameHead   = 7
	headerHead  = 12
	headerFrame = 2
)

// Read implements net.Conn.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if excess := g.follow(p[:n]); excess != 0 {
		_ = g.Close()
		return 0, fmt.Errorf("the broker sends a message of %d bytes, at most %d are taken", excess, maxBody)
	}
	return n, err
}

// follow reads along and returns the size of a body that is too large.
func (g *guard) follow(p []byte) uint64 {
	for len(p) > 0 {
		if g.skip > 0 {
			n := min(g.skip, uint64(len(p)))
			p, g.skip = p[n:], g.skip-n
			continue
		}
		want := frameHead
		if g.have >= frameHead {
			want += headerHead
		}
		n := copy(g.head[g.have:want], p)
		p, g.have = p[n:], g.have+n
		if g.have < want {
			return 0
		}
		size := uint64(binary.BigEndian.Uint32(g.head[3:]))
		if g.head[0] == headerFrame && size >= headerHead {
			if want == frameHead {
				continue // its beginning tells the body's size
			}
			if body := binary.BigEndian.Uint64(g.head[frameHead+4:]); body > maxBody {
				return body
			}
			size -= headerHead
		}
		g.have, g.skip = 0, size+1
	}
	return 0
}
