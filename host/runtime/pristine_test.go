package runtime

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/blob"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/engine/wazero"
	"github.com/seraihost/serai/host/guest"
)

// testEngines are the engines that this binary has.
var testEngines = map[string]func(ctx context.Context, cacheDir string, host []engine.HostFunc) (engine.Engine, error){
	"wazero": func(ctx context.Context, cacheDir string, host []engine.HostFunc) (engine.Engine, error) {
		return wazero.New(ctx, wazero.Config{CacheDir: cacheDir, Host: host})
	},
}

func newRuntime(t testing.TB, name string) *Runtime {
	t.Helper()
	functions := append(guest.Functions(), wasi.Functions()...)
	cache := filepath.Join(t.TempDir(), "cache")
	if dir, err := os.UserCacheDir(); err == nil {
		cache = filepath.Join(dir, "serai") // compiling CPython anew takes long
	}
	eng, err := testEngines[name](t.Context(), cache, functions)
	if err != nil {
		t.Fatal(err)
	}
	images, err := image.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := New(Config{Engine: eng, Host: functions, Images: images, Blobs: blobs, StateDir: t.TempDir(), CacheDir: cache})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// scribbler writes over what it can reach of its interpreter.
const scribbler = `
import gc, json, random, sys
kept = []
big = bytearray(1 << 20)
def handle(request):
    kept.append([object() for _ in range(5000)])
    for i in range(0, len(big), 512):
        big[i] = random.randrange(256)
    sys.modules['scribbled'] = sys
    json.dumps = None
    gc.collect()
    def deep(n):
        return n and deep(n - 1)
    deep(800)
    return len(kept)
`

// scribbleModule fills its memory and changes its globals.
func scribbleModule() []byte {
	m := wt.New(8, 0)
	m.Data(wt.I32Const(70_000), bytes.Repeat([]byte("data"), 5000))
	g := m.Global(wt.I32, true, wt.I32Const(7))
	h := m.Global(wt.F64, true, wt.F64Const(2.5))
	m.Func(wt.Func{Export: abi.ExportHandle, Params: []byte{wt.I32, wt.I32}, Results: []byte{wt.I32}, Body: wt.Code(
		wt.I32Const(0), wt.I32Const(0xa5), wt.I32Const(8*65536), wt.MemoryFill,
		wt.GlobalGet(g), wt.I32Const(1), wt.I32Add, wt.GlobalSet(g),
		wt.F64Const(-1), wt.GlobalSet(h),
		wt.I32Const(0))})
	return m.Bytes()
}

// TestResetIsByteForByte proves the isolation of calls: after a call has
// scribbled over its instance and the reset, memory and mutable globals are
// those of the image that the deploy saved, all of them.
func TestResetIsByteForByte(t *testing.T) {
	for name := range testEngines {
		t.Run(name, func(t *testing.T) {
			if name == "wazero" && testing.Short() {
				t.Skip("compiles CPython slowly")
			}
			r := newRuntime(t, name)
			for _, src := range []Source{
				{Service: "python", FileName: "s.py", ContentType: host.TypePython, Content: []byte(scribbler)},
				{Service: "core", ContentType: host.TypeWASM, Content: scribbleModule()},
			} {
				t.Run(src.Service, func(t *testing.T) { scribble(t, r, src) })
			}
		})
	}
}

func scribble(t *testing.T, r *Runtime, src Source) {
	src.Tenant, src.Quota = "t", host.DefaultQuota()
	src.Settings = host.Settings{Limits: host.DefaultLimits()}
	built, err := r.Build(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Load(t.Context(), host.Version{
		Tenant: src.Tenant, Service: src.Service, Kind: built.Kind, Source: built.Source, Runtime: built.Runtime,
		Image: built.Image, Settings: src.Settings,
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Images.Open(built.Image)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Release()
	var in *imagedInstance
	start := func() {
		t.Helper()
		v, err := p.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in = v.(*imagedInstance) //nolint:forcetypeassert // what the kinds of this test have
		pristine(t, "started", in.in, want)
	}
	start()
	resets, most := 0, 0
	for n := range hotAfter + 40 {
		call := &host.Call{Tenant: "t", Service: src.Service, CID: "c", Channel: abi.ChannelHTTP}
		s := &guest.Session{Scope: connector.Scope{Limits: src.Settings.Limits, Quota: src.Quota}}
		if _, err := in.Run(t.Context(), call, s, &engine.Call{Key: "t"}); err != nil {
			t.Fatalf("%v: %+v", err, err)
		}
		if bytes.Equal(in.in.Memory(), want.Bytes()) {
			t.Fatal("the call has changed nothing")
		}
		stats, err := in.Reset()
		if n == hotAfter {
			p.(*imaged).layout.working.Wait() //nolint:forcetypeassert // as above
		}
		if err != nil { // grown, or laid out anew: no reset is due
			if err := in.Close(); err != nil {
				t.Error(err)
			}
			start()
			continue
		}
		resets, most = resets+1, max(most, stats.DirtyPages)
		if n < 20 || n > hotAfter || n%16 == 0 {
			pristine(t, "reset", in.in, want)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if resets < hotAfter {
		t.Errorf("only %d of %d calls ended with a reset", resets, hotAfter+40)
	}
	t.Logf("%d resets of up to %d pages; laid out anew: %t", resets, most, in.image != want)
}

// pristine compares all of an instance with the image.
func pristine(t *testing.T, when string, in engine.Instance, want *image.Image) {
	t.Helper()
	got := in.Memory()
	if len(got) != len(want.Bytes()) {
		t.Fatalf("%s: %d bytes of memory, the image has %d", when, len(got), len(want.Bytes()))
	}
	if !bytes.Equal(got, want.Bytes()) {
		for i, b := range want.Bytes() {
			if got[i] != b {
				t.Fatalf("%s: byte %d is %d, in the image %d", when, i, got[i], b)
			}
		}
	}
	if !slices.Equal(in.Globals(), want.Globals()) {
		t.Fatalf("%s: globals %v, in the image %v", when, in.Globals(), want.Globals())
	}
}
