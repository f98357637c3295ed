package image

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
)

// layered returns an image of 256 pages on a base: mapped runs, copied pages
// and zeros.
func layered(t *testing.T) *Image {
	t.Helper()
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mem := newMem(t, 16, nil)
	for i := range 64 {
		mem[i*PageSize] = 1
	}
	base, err := store.Freeze(nil, mem, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Release()
	for i := 32; i < 200; i += 3 {
		mem[i*PageSize+7] = 2
	}
	im, err := store.Freeze(base, mem, nil)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// TestTracking writes to memories in every way, from their first reset to long
// after the kernel takes note of what is written.
func TestTracking(t *testing.T) {
	im := layered(t)
	defer im.Release()
	m, err := NewMemory(im, 1<<22, 1<<22)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	rnd := rand.New(rand.NewPCG(1, 2))
	sum := byte(0)
	for round := range 40 {
		if round == 25 { // a mapping begins as if it were new
			if err := m.remap(); err != nil {
				t.Fatal(err)
			}
			if len(m.scanner.tracked) > 0 {
				t.Error("it is tracked without having been asked to be")
			}
		}
		pages := map[int]bool{}
		for range rnd.IntN(60) {
			page := rnd.IntN(len(m.Bytes()) / PageSize)
			at := page*PageSize + rnd.IntN(PageSize)
			switch rnd.IntN(3) {
			case 0:
				sum += m.Bytes()[at]
				continue
			case 1:
				m.Bytes()[at] = byte(rnd.Uint32())
			default: // the kernel writes
				if _, err := w.Write([]byte{byte(round)}); err != nil {
					t.Fatal(err)
				}
				if n, err := r.Read(m.Bytes()[at : at+1]); n != 1 || err != nil {
					t.Fatal(err)
				}
			}
			pages[page] = true
		}
		st, err := m.Reset()
		if err != nil || !bytes.Equal(m.Bytes(), im.Bytes()) {
			t.Fatalf("round %d: %v, equal %t", round, err, bytes.Equal(m.Bytes(), im.Bytes()))
		}
		if st.DirtyPages < len(pages) {
			t.Errorf("round %d: %d pages, %d were written", round, st.DirtyPages, len(pages))
		}
	}
	if tracked := len(m.scanner.tracked) > 0; tracked != (Method() == Tracked) {
		t.Errorf("tracked %t, the kernel allows %s", tracked, Method())
	}
	_ = sum
}

// TestTrackingIsSparse has blocks that nobody uses left alone, and those that
// calls come to use later tracked later.
func TestTrackingIsSparse(t *testing.T) {
	if Method() != Tracked {
		t.Skip("the kernel does not track pages here")
	}
	im, err := FromMemory(newMem(t, 10*blockSize/WasmPageSize, map[int]byte{0: 1, 5 * blockSize: 1}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Release()
	m, err := NewMemory(im, 1<<25, 1<<25)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	reset := func(times, dirty int) {
		t.Helper()
		for range times {
			st, err := m.Reset()
			if err != nil || st.DirtyPages != dirty || !bytes.Equal(m.Bytes()[:2*blockSize], im.Bytes()[:2*blockSize]) {
				t.Fatal(st, err)
			}
		}
	}
	blocks := func() (n int) {
		for _, e := range m.scanner.tracked {
			n += int((e.end - e.start + blockSize - 1) / blockSize)
		}
		return n
	}
	m.Bytes()[0] = 2
	reset(trackAfter, 1)
	if n := blocks(); n < 1 || n > 4 { // what was written, and compared with the image
		t.Errorf("%d blocks are tracked", n)
	}
	before := blocks()
	m.Bytes()[7*blockSize] = 3
	reset(trackEvery, 2)
	if m.Bytes()[7*blockSize] != 0 || blocks() != before+1 {
		t.Errorf("%d blocks are tracked, %d before", blocks(), before)
	}
	m.Bytes()[7*blockSize+PageSize] = 3
	reset(2, 3)
}

// BenchmarkReset resets a memory of CPython's size of which a call has read
// everything and written 70 pages.
func BenchmarkReset(b *testing.B) {
	mem := make([]byte, 232*WasmPageSize)
	for i := 0; i < len(mem); i += PageSize {
		mem[i] = 1
	}
	im, err := FromMemory(mem, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer im.Release()
	for _, tracked := range []bool{false, true} {
		b.Run(map[bool]string{false: "private", true: "tracked"}[tracked], func(b *testing.B) {
			m, err := NewMemory(im, 1<<25, 1<<25)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			if tracked && Method() != Tracked {
				b.Skip("the kernel does not track pages here")
			}
			call := func() {
				if !tracked {
					m.scanner.resets = 0
				}
				for i := 0; i < 70*33; i += 33 {
					m.Bytes()[i*PageSize] = 2
				}
				if st, err := m.Reset(); err != nil || st.DirtyPages < 70 || st.DirtyPages > 80 {
					b.Fatal(st, err)
				}
			}
			for i := 0; i < len(mem); i += PageSize {
				mem[0] += m.Bytes()[i]
			}
			for range 2 * trackAfter {
				call()
			}
			for b.Loop() {
				call()
			}
		})
	}
}
