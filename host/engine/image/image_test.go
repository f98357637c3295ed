package image

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newMem(t *testing.T, wasmPages int, writes map[int]byte) []byte {
	t.Helper()
	mem := make([]byte, wasmPages*WasmPageSize)
	for at, b := range writes {
		mem[at] = b
	}
	return mem
}

func TestFreezeOpenAndReset(t *testing.T) {
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	baseMem := newMem(t, 16, map[int]byte{0: 1, 70000: 2, 500000: 3, 1048575: 4})
	base, err := store.Freeze(nil, baseMem, []uint64{7, 8})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Release()
	own := append(bytes.Clone(baseMem), make([]byte, 2*WasmPageSize)...) // grown while it initialised
	own[70001], own[500000], own[len(own)-1] = 9, 0, 5
	im, err := store.Freeze(base, own, []uint64{9, 8})
	if err != nil {
		t.Fatal(err)
	}
	defer im.Release()
	if diff := cmp.Diff([]uint64{9, 8}, im.Globals()); diff != "" {
		t.Errorf("globals (-want +got):\n%s", diff)
	}
	if im.OwnBytes() != 3*PageSize || len(im.patches) != 3 {
		t.Errorf("own bytes %d in %d patches, want 3 pages in 3", im.OwnBytes(), len(im.patches))
	}
	if !bytes.Equal(im.Bytes(), own) || !bytes.Equal(base.Bytes(), baseMem) {
		t.Fatal("image differs from the memory it was frozen from")
	}
	m, err := NewMemory(im, 1<<22, 1<<23)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 5 {
		if !bytes.Equal(m.Bytes(), own) {
			t.Fatalf("round %d: memory differs from the image", round)
		}
		for range 40 {
			m.Bytes()[r.IntN(len(own))] = byte(r.Uint32())
		}
		m.Bytes()[0], m.Bytes()[len(own)-1] = 0xff, 0xff
		st, err := m.Reset()
		if err != nil {
			t.Fatal(err)
		}
		if st.DirtyPages < 2 {
			t.Errorf("round %d: %d dirty pages", round, st.DirtyPages)
		}
	}
}

func TestHotImageIsTheSame(t *testing.T) {
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	base, err := store.Freeze(nil, newMem(t, 16, map[int]byte{0: 1, 500000: 3}), []uint64{7})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Release()
	own := append(bytes.Clone(base.Bytes()), make([]byte, WasmPageSize)...)
	for i := 0; i < len(own); i += 3 * PageSize {
		own[i] = 9
	}
	im, err := store.Freeze(base, own, []uint64{8})
	if err != nil {
		t.Fatal(err)
	}
	hot, err := im.Hot()
	if err != nil {
		t.Fatal(err)
	}
	im.Release()
	defer hot.Release()
	if len(hot.patches) != 0 || len(hot.segments) > 2*maxRuns+1 {
		t.Errorf("%d patches and %d segments", len(hot.patches), len(hot.segments))
	}
	if !bytes.Equal(hot.Bytes(), own) || hot.Globals()[0] != 8 {
		t.Error("the hot image differs")
	}
	m, err := NewMemory(hot, 1<<22, 1<<22)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	m.Bytes()[3*PageSize] = 77
	st, err := m.Reset()
	if err != nil || st.DirtyPages != 1 || !bytes.Equal(m.Bytes(), own) {
		t.Errorf("Reset: %+v, %v", st, err)
	}
	again, err := hot.Hot()
	if err != nil || again != hot {
		t.Errorf("a hot image has nothing to gain: %v", err)
	}
	again.Release()
}

func TestResetMethodsAgree(t *testing.T) {
	im, err := FromMemory(newMem(t, 4, map[int]byte{5000: 1}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Release()
	m, err := NewMemory(im, 1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	sum := byte(0)
	for i := 0; i < len(m.Bytes()); i += PageSize { // reading dirties nothing
		sum += m.Bytes()[i]
	}
	m.Bytes()[4096+int(sum)], m.Bytes()[8192], m.Bytes()[100000] = 1, 1, 1
	p, err := pagemap()
	if err != nil {
		t.Fatal(err)
	}
	want := []extent{{4096, 12288}, {98304, 102400}}
	var s scanner
	if p.canScan {
		if err := s.scan(p, m.Bytes(), extent{0, uint64(len(m.Bytes()))}, private); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.extents, cmp.AllowUnexported(extent{})); diff != "" {
			t.Errorf("PAGEMAP_SCAN (-want +got):\n%s", diff)
		}
	}
	s.extents = nil
	got, err := s.read(p, m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	// The older interface cannot tell the shared zero page from a written one.
	for _, e := range want {
		covered := false
		for _, g := range got {
			covered = covered || g.start <= e.start && e.end <= g.end
		}
		if !covered {
			t.Errorf("pagemap misses %v in %v", e, got)
		}
	}
	if err := m.remap(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Bytes(), im.Bytes()) {
		t.Error("a remapped memory differs from the image")
	}
}

func TestManyDirtyPagesAreRemapped(t *testing.T) {
	im, err := FromMemory(newMem(t, 400, map[int]byte{5000: 1}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Release()
	m, err := NewMemory(im, 1<<25, 1<<25)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	for i := range m.Bytes() {
		m.Bytes()[i] = 0xaa
	}
	st, err := m.Reset()
	if err != nil || st.DirtyPages != 400*16 {
		t.Fatalf("Reset: %+v, %v", st, err)
	}
	if !bytes.Equal(m.Bytes(), im.Bytes()) {
		t.Error("memory differs from the image")
	}
}

func TestGrow(t *testing.T) {
	im, err := FromMemory(newMem(t, 1, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Release()
	m, err := NewMemory(im, 4*WasmPageSize, 8*WasmPageSize)
	if err != nil {
		t.Fatal(err)
	}
	if m.Grow(5 * WasmPageSize) {
		t.Error("grew over the maximum")
	}
	if !m.Grow(4*WasmPageSize) || m.Bytes()[4*WasmPageSize-1] != 0 {
		t.Error("did not grow to the maximum")
	}
	if _, err := m.Reset(); !errors.Is(err, ErrGrown) {
		t.Errorf("Reset after growing: %v", err)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
	if _, err := NewMemory(im, 0, 0); err == nil {
		t.Error("an image over the limit was mapped")
	}
}

func TestJoin(t *testing.T) {
	runs := []run{{0, 1}, {2, 1}, {10, 1}, {12, 2}, {100, 1}, {103, 1}, {200, 5}, {300, 1}}
	want := []run{{0, 3}, {10, 4}, {100, 4}, {200, 5}, {300, 1}}
	if diff := cmp.Diff(want, join(runs, 5), cmp.AllowUnexported(run{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := join(runs, 1); len(got) != 1 || got[0] != (run{0, 301}) {
		t.Errorf("join to one: %v", got)
	}
}

func TestPlan(t *testing.T) {
	many := make([]run, 0, 2000)
	for i := range uint64(2000) {
		many = append(many, run{i * 10, 1})
	}
	for _, c := range []struct {
		name            string
		runs            []run
		mapped, patches []run
	}{
		{"lone pages are patches", []run{{1, 1}, {50, 2}}, nil, []run{{1, 1}, {50, 2}}},
		{"a large run is mapped", []run{{1, 1}, {50, 16}}, []run{{50, 16}}, []run{{1, 1}}},
		{"near runs are mapped as one", []run{{50, 10}, {64, 6}, {100, 1}}, []run{{50, 20}}, []run{{100, 1}}},
		{"too many patches are joined", many, join(many, maxRuns), nil},
	} {
		mapped, patches := plan(c.runs)
		if diff := cmp.Diff([][]run{c.mapped, c.patches}, [][]run{mapped, patches}, cmp.AllowUnexported(run{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestCorruptFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	store, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	im, err := store.Freeze(nil, newMem(t, 2, map[int]byte{9: 9}), nil)
	if err != nil {
		t.Fatal(err)
	}
	digest := im.Digest()
	im.Release()
	files, err := filepath.Glob(filepath.Join(dir, "*.img"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(digest); !errors.Is(err, errCorrupt) {
		t.Errorf("opening a changed file: %v", err)
	}
	if err := store.Sweep(func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(digest); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opening a swept file: %v", err)
	}
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(header{size: WasmPageSize, globals: []uint64{1}, runs: []run{{0, 1}}, patches: []run{{3, 2}}}.encode())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, offset, err := decodeHeader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if offset > int64(len(b)) || h.size > maxMemory {
			t.Errorf("accepted %+v at %d of %d", h, offset, len(b))
		}
		for _, r := range h.pages() {
			if (r.start+r.pages)*PageSize > h.size {
				t.Errorf("run %v leaves the memory", r)
			}
		}
	})
}
