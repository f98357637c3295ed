package enginetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasm"
)

// testHammer uses one module from many goroutines, with honest and hostile
// calls, resets and new instances.
func testHammer(t *testing.T, s *suite) {
	const workers = 8
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	g := s.guest(t)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			h := &hammer{t: t, g: g, rand: rand.New(rand.NewPCG(uint64(w), 1))}
			defer h.drop()
			for range rounds {
				if !h.round() {
					return
				}
			}
		})
	}
	wg.Wait()
}

// hammer is one of the goroutines.
type hammer struct {
	t    *testing.T
	g    *Guest
	rand *rand.Rand
	i    engine.Instance
}

func (h *hammer) drop() {
	if h.i != nil {
		closing(h.t, h.i.Close)
		h.i = nil
	}
}

// round makes one call and brings the instance back to its image.
func (h *hammer) round() bool {
	if h.i == nil {
		i, err := h.g.Module.Instantiate(h.t.Context(), h.g.Image, defaultMemory)
		if err != nil {
			h.t.Errorf("instantiating: %v", err)
			return false
		}
		h.i = i
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	switch h.rand.IntN(8) {
	case 0:
		return h.fails(ctx, "unreachable")
	case 1:
		return h.fails(ctx, "fail")
	case 2:
		short, cancel := context.WithTimeout(ctx, time.Duration(h.rand.IntN(5))*time.Millisecond)
		defer cancel()
		return h.fails(short, "spin")
	case 3:
		return h.answers(ctx, "wait", 1, uint64(h.rand.IntN(5)))
	default:
		value := h.rand.Uint64()
		return h.answers(ctx, "add", value&0xffff_ffff+1, value&0xffff_ffff, 1)
	}
}

func (h *hammer) answers(ctx context.Context, function string, want uint64, args ...uint64) bool {
	for _, c := range []struct {
		function string
		want     uint64
		args     []uint64
	}{
		{"bump", initialGlobals[0] + 1, nil},
		{"fill", 0, []uint64{h.rand.Uint64N(pages * wasm.PageSize), 0xcc, 0}},
		{function, want, args},
	} {
		got, err := h.i.Call(ctx, newCall(), c.function, c.args...)
		if err != nil || got != c.want {
			h.t.Errorf("%s%v = %d, %v, want %d", c.function, c.args, got, err, c.want)
			return false
		}
	}
	if _, err := h.i.Reset(); err != nil {
		h.t.Errorf("reset: %v", err)
		return false
	}
	same(h.t, h.i, h.g.Image)
	if h.rand.IntN(10) == 0 {
		h.drop()
	}
	return !h.t.Failed()
}

func (h *hammer) fails(ctx context.Context, function string) bool {
	_, err := h.i.Call(ctx, newCall(), function)
	var trap *engine.Trap
	switch {
	case function == "spin" && errors.Is(err, context.DeadlineExceeded):
	case function == "fail" && errors.Is(err, errHost):
	case function == "unreachable" && errors.As(err, &trap):
	default:
		h.t.Errorf("%s: error %v", function, err)
		return false
	}
	h.drop()
	return true
}

// Move makes an image on one engine and goes on from it on the other.
func Move(t *testing.T, from, to engine.Engine) {
	t.Helper()
	first := NewGuest(t, from, Program())
	i := first.Start(t)
	call(t, i, "bump")
	call(t, i, "grow", 2)
	last := uint64((pages+2)*wasm.PageSize - 4)
	call(t, i, "store", last, 4711)
	moved := newImage(t, i.Memory(), i.Globals())

	second := NewGuest(t, to, Program())
	if first.Info.Digest != second.Info.Digest {
		t.Fatal("one module has two digests")
	}
	j := second.start(t, moved, defaultMemory)
	for range 2 {
		same(t, j, moved)
		if got := call(t, j, "load", last); got != 4711 {
			t.Errorf("load = %d, want 4711", got)
		}
		if got := call(t, j, "bump"); got != 7 {
			t.Errorf("bump = %d, want 7", got)
		}
		if _, err := j.Reset(); err != nil {
			t.Fatal(err)
		}
	}
}
