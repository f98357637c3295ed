//go:build wasip1

package serai

import (
	"math/rand/v2"
	"unsafe"

	"github.com/seraihost/serai/abi"
)

// chacha is the layout of the runtime's random generator (State in
// internal/chacha8rand, Go 1.22 and later), which serves the functions of
// math/rand and the seeds of maps. It is seeded when the module starts, so
// its state is part of the image, and without more every call would draw the
// same numbers. The runtime has no function to seed it again. So it is looked
// up in memory once, at deploy, by the numbers that it just gave out, and
// written to before each call.
type chacha struct {
	buf  [32]uint64
	seed [4]uint64
	i    uint32 // next of buf
	n    uint32 // end of buf
	c    uint32 // counter; at counterEnd the last four of buf become the seed
}

const counterEnd = 12

var generator *chacha

// locateRandom finds the generator. That it does not, with a runtime to come,
// is worth a warning and no failure.
func locateRandom() {
	generator = search(rand.Uint64(), rand.Uint64())
	if generator == nil {
		Log(abi.LevelWarning, "math/rand cannot be seeded for each call with this version of Go; use crypto/rand")
	}
}

// anchor is in the module's static data, from which addresses are counted.
var anchor uint64

// search returns the generator that has just given out x and then y. It is
// in static data, which lies below the heap.
func search(x, y uint64) *chacha {
	base := unsafe.Pointer(&anchor)
	end := uintptr(unsafe.Pointer(new([128]byte))) - unsafe.Sizeof(chacha{}) //nolint:gosec // an address, not used as a pointer
	for a := uintptr(4096); a < end; a += 8 {
		p := unsafe.Add(base, int(a)-int(uintptr(base)))
		if pair := (*[2]uint64)(p); pair[0] != x || pair[1] != y {
			continue
		}
		for k := range 31 {
			g := (*chacha)(unsafe.Add(p, -8*k))
			if g.i == uint32(k)+2 && (g.n == 32 || g.n == 28) && g.c <= counterEnd && g.c%4 == 0 && g.gives() {
				return g
			}
		}
	}
	return nil
}

// gives reports whether g is where the next number comes from.
func (g *chacha) gives() bool {
	if g.i >= g.n {
		return false
	}
	want, next := g.buf[g.i], g.i+1
	return rand.Uint64() == want && g.i == next
}

// refreshRandom gives the generator a fresh seed, which it takes up when the
// next number is drawn.
func refreshRandom() {
	if generator == nil {
		return
	}
	seed := (*[32]byte)(unsafe.Pointer(&generator.buf[28]))
	if hostRandom(seed[:]) == abi.OK {
		generator.i, generator.c = generator.n, counterEnd
	}
}
