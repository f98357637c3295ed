package enginetest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/engine"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
)

const failed = 0xffff_ffff // of memory.grow

func testMemoryGrow(t *testing.T, s *suite) {
	g := s.guest(t)
	i := g.start(t, g.Image, (pages+2)*wasm.PageSize)
	for _, step := range []struct{ by, want, size uint64 }{
		{0, pages, pages},
		{3, failed, pages},
		{1, pages, pages + 1},
		{2, failed, pages + 1},
		{1, pages + 1, pages + 2},
		{1, failed, pages + 2},
		{65535, failed, pages + 2},
		{failed, failed, pages + 2},
	} {
		if got := call(t, i, "grow", step.by) & failed; got != step.want {
			t.Errorf("grow(%d) = %d, want %d", step.by, got, step.want)
		}
		if got := call(t, i, "size"); got != step.size {
			t.Errorf("size = %d after grow(%d), want %d", got, step.by, step.size)
		}
		if got := uint64(len(i.Memory())); got != step.size*wasm.PageSize {
			t.Errorf("the host sees %d bytes, want %d pages", got, step.size)
		}
	}
	last := uint64((pages+2)*wasm.PageSize - 4)
	call(t, i, "store", last, 0x01020304)
	if got := i.Memory()[last:]; !bytes.Equal(got, []byte{4, 3, 2, 1}) {
		t.Errorf("the host reads %v at the end of the grown memory", got)
	}
	if got := call(t, i, "host_fill", last, 4, 9); got != 1 {
		t.Error("a host function does not reach the grown memory")
	}
	if got := call(t, i, "host_fill", last, 5, 9); got != 0 {
		t.Error("a host function sees more memory than there is")
	}
	if !isTrap(i, t, "load", last+1) {
		t.Error("the guest reads beyond its memory")
	}
}

func isTrap(i engine.Instance, t *testing.T, function string, args ...uint64) bool {
	t.Helper()
	var trap *engine.Trap
	_, err := i.Call(t.Context(), newCall(), function, args...)
	return errors.As(err, &trap)
}

func testMemoryDeclaredMaximum(t *testing.T, s *suite) {
	m := wt.New(1, 2)
	m.Func(wt.Func{Export: "grow", Params: oneI32, Results: oneI32, Body: wt.Code(wt.LocalGet(0), wt.MemoryGrow)})
	i := s.compile(t, m.Bytes()).Start(t)
	for _, want := range []uint64{1, failed} {
		if got := call(t, i, "grow", 1) & failed; got != want {
			t.Errorf("grow(1) = %d, want %d", got, want)
		}
	}
}

func testMemoryEmpty(t *testing.T, s *suite) {
	m := wt.New(0, 0)
	m.Func(wt.Func{Export: "grow", Params: oneI32, Results: oneI32, Body: wt.Code(wt.LocalGet(0), wt.MemoryGrow)})
	m.Func(wt.Func{Export: "load", Params: oneI32, Results: oneI32, Body: wt.Code(wt.LocalGet(0), wt.I32Load(0))})
	g := s.compile(t, m.Bytes())
	i := g.Start(t)
	if len(i.Memory()) != 0 {
		t.Errorf("%d bytes of memory", len(i.Memory()))
	}
	if _, err := i.Reset(); err != nil {
		t.Errorf("reset: %v", err)
	}
	if got := call(t, i, "grow", 1); got != 0 {
		t.Errorf("grow(1) = %d", got)
	}
	if got := call(t, i, "load", 0); got != 0 {
		t.Errorf("load = %d", got)
	}
	if !isTrap(g.Start(t), t, "load", 0) {
		t.Error("the guest reads memory that it does not have")
	}
}

// same fails unless memory and globals are those of the image.
func same(t *testing.T, i engine.Instance, im *image.Image) {
	t.Helper()
	mem := i.Memory()
	if !bytes.Equal(mem, im.Bytes()) {
		at := 0
		for at < min(len(mem), len(im.Bytes())) && mem[at] == im.Bytes()[at] {
			at++
		}
		t.Errorf("memory differs from the image at byte %d of %d", at, len(im.Bytes()))
	}
	if diff := cmp.Diff(im.Globals(), i.Globals()); diff != "" {
		t.Errorf("globals differ from the image's (-want +got):\n%s", diff)
	}
}

func testImageStart(t *testing.T, s *suite) {
	g := s.guest(t)
	if diff := cmp.Diff(initialGlobals, g.Image.Globals()); diff != "" {
		t.Fatalf("initial globals (-want +got):\n%s", diff)
	}
	one, two := g.Start(t), g.Start(t)
	same(t, one, g.Image)
	if got := string(one.Memory()[100 : 100+len(greeting)]); got != greeting {
		t.Errorf("data segment %q", got)
	}
	call(t, one, "fill", 0, 0xee, pages*wasm.PageSize)
	call(t, one, "bump")
	same(t, two, g.Image)
	same(t, g.Start(t), g.Image)
}

func testImageLargerThanModule(t *testing.T, s *suite) {
	g := s.guest(t)
	mem := make([]byte, 5*wasm.PageSize)
	for i := range mem {
		mem[i] = byte(i * 7 >> 8)
	}
	im := newImage(t, mem, []uint64{9, 8, 7, 6, 5})
	i := g.start(t, im, 6*wasm.PageSize)
	same(t, i, im)
	if got := call(t, i, "size"); got != 5 {
		t.Errorf("size = %d, want 5", got)
	}
	last := uint64(len(mem) - 4)
	call(t, i, "store", last, 1)
	call(t, i, "bump")
	if _, err := i.Reset(); err != nil {
		t.Fatal(err)
	}
	same(t, i, im)
	if got := call(t, i, "grow", 1); got != 5 {
		t.Errorf("grow(1) = %d, want 5", got)
	}
	if got := call(t, i, "grow", 1) & failed; got != failed {
		t.Errorf("grow(1) = %d at the limit", got)
	}
}

// testFreeze runs a guest, freezes it and goes on from the image.
func testFreeze(t *testing.T, s *suite) {
	g := s.guest(t)
	first := g.Start(t)
	call(t, first, "bump")
	call(t, first, "store", 70000, 12345)
	frozen := newImage(t, first.Memory(), first.Globals())
	closing(t, first.Close)
	second := g.start(t, frozen, defaultMemory)
	same(t, second, frozen)
	if got := call(t, second, "bump"); got != 7 {
		t.Errorf("bump = %d, want 7", got)
	}
	if got := call(t, second, "load", 70000); got != 12345 {
		t.Errorf("load = %d, want 12345", got)
	}
}

func testResetMemory(t *testing.T, s *suite) {
	g := s.guest(t)
	i := g.Start(t)
	const size = pages * wasm.PageSize
	scribbles := map[string]func(){
		"nothing":    func() {},
		"first byte": func() { call(t, i, "fill", 0, 1, 1) },
		"last byte":  func() { call(t, i, "fill", size-1, 1, 1) },
		"everything": func() { call(t, i, "fill", 0, 0xff, size) },
		"shifted":    func() { call(t, i, "copy", 1, 0, size-1) },
		"by host":    func() { call(t, i, "host_fill", 4095, 2, 0x55) },
		"over pages": func() {
			for at := uint64(4096); at < size; at += 4096 {
				call(t, i, "store", at-2, 0xdeadbeef)
			}
		},
		"data": func() { call(t, i, "fill", 100, 0, uint64(len(greeting))) },
	}
	for range 2 {
		for name, scribble := range scribbles {
			scribble()
			call(t, i, "bump")
			if _, err := i.Reset(); err != nil {
				t.Fatalf("reset after %s: %v", name, err)
			}
			same(t, i, g.Image)
			if t.Failed() {
				t.Fatalf("after %s", name)
			}
		}
	}
	stats, err := i.Reset()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d dirty pages of an instance that did nothing", stats.DirtyPages)
}

func testResetGlobals(t *testing.T, s *suite) {
	g := s.guest(t)
	i := g.Start(t)
	for range 3 {
		if got := call(t, i, "bump"); got != 6 {
			t.Fatalf("bump = %d, want 6", got)
		}
		if diff := cmp.Diff(initialGlobals, i.Globals()); diff == "" {
			t.Fatal("the globals did not change")
		}
		if _, err := i.Reset(); err != nil {
			t.Fatal(err)
		}
		same(t, i, g.Image)
	}
}

func testResetGrown(t *testing.T, s *suite) {
	i := s.guest(t).Start(t)
	call(t, i, "grow", 1)
	if _, err := i.Reset(); !errors.Is(err, image.ErrGrown) {
		t.Errorf("reset of a grown memory: %v, want image.ErrGrown", err)
	}
}

func testStartFunction(t *testing.T, s *suite) {
	m := wt.New(1, 0)
	m.Global(wt.I32, true, wt.I32Const(0))
	start := m.Func(wt.Func{Body: wt.Code(
		wt.GlobalGet(0), wt.I32Const(1), wt.I32Add, wt.GlobalSet(0),
		wt.I32Const(8), wt.I32Const(99), wt.I32Store(0))})
	m.Start(start)
	m.Func(wt.Func{Export: "runs", Results: oneI32, Body: wt.GlobalGet(0)})
	g := s.compile(t, m.Bytes())
	i := g.Start(t)
	if got := call(t, i, "runs"); got != 0 {
		t.Fatalf("the start function ran %d times by itself", got)
	}
	call(t, i, g.Info.StartExport)
	frozen := newImage(t, i.Memory(), i.Globals())
	next := g.start(t, frozen, defaultMemory)
	if got := call(t, next, "runs"); got != 1 {
		t.Errorf("the start function ran %d times, want 1", got)
	}
	if next.Memory()[8] != 99 {
		t.Error("what the start function wrote is not in the image")
	}
}
