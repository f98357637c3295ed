package hosttest_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/hosttest"
)

// folder is an upload of several files.
func folder(t testing.TB, files map[string]string) client.Upload {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return client.Upload{FileName: "service.tar", ContentType: host.TypeTar, Content: b.Bytes()}
}

// numbered is a service of two modules, both of which know its number; one
// is imported when the image is made, one in the call.
func numbered(t testing.TB, n int) client.Upload {
	t.Helper()
	return folder(t, map[string]string{
		"service.py": fmt.Sprintf("import early\ndef handle(request):\n    import late\n    return [%d, early.NUMBER, late.NUMBER]\n", n),
		"early.py":   fmt.Sprintf("NUMBER = %d\n", n),
		"late.py":    fmt.Sprintf("NUMBER = %d\n", n),
	})
}

// TestRedeployUnderLoad has clients call while the service is deployed anew:
// no call fails and none sees two versions.
func TestRedeployUnderLoad(t *testing.T) {
	t.Parallel()
	const (
		clients = 8
		deploys = 25
	)
	h := hosttest.Start(t, nil)
	settings := hosttest.Routes("GET /n")
	h.Deploy("n", numbered(t, 0), settings)
	ctx, stop := context.WithCancel(t.Context())
	var (
		wg     sync.WaitGroup
		calls  atomic.Int64
		latest atomic.Int64
	)
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				least := latest.Load()
				r, err := h.Try(ctx, "GET", "/n", "")
				if ctx.Err() != nil {
					return
				}
				if err != nil || r.Status != 200 {
					t.Errorf("a call failed: %d %s %v", r.Status, r.Body, err)
					return
				}
				got := decode[[3]int64](t, r.Body)
				if got[0] != got[1] || got[0] != got[2] {
					t.Errorf("a call saw a mix: %v", got)
				}
				if got[0] < least {
					t.Errorf("version %d answered after %d was live", got[0], least)
				}
				calls.Add(1)
			}
		})
	}
	for n := 1; n <= deploys; n++ {
		h.Deploy("n", numbered(t, n), settings)
		latest.Store(int64(n))
	}
	stop()
	wg.Wait()
	t.Logf("%d calls beside %d deploys", calls.Load(), deploys)
	if calls.Load() < deploys {
		t.Errorf("only %d calls were made", calls.Load())
	}
}

// TestDeleteUnderLoad has clients call while the service comes and goes: a
// call is served or told that there is no such service.
func TestDeleteUnderLoad(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	settings := hosttest.Routes("GET /n")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for ctx.Err() == nil {
				r, err := h.Try(ctx, "GET", "/n", "")
				if ctx.Err() != nil {
					return
				}
				if err != nil || r.Status != 200 && r.Status != 404 {
					t.Errorf("%d %s %v", r.Status, r.Body, err)
					return
				}
			}
		})
	}
	for n := range 15 {
		h.Deploy("n", numbered(t, n), settings)
		if err := h.Operator.DeleteService(t.Context(), host.DefaultTenant, "n"); err != nil {
			t.Error(err)
		}
		refused(t, h.Call("GET", "/n", ""), 404, "not-found")
		_, err := h.Operator.Invoke(t.Context(), host.DefaultTenant, "n", "", nil)
		controlRefused(t, err, "not-found", "")
	}
	stop()
	wg.Wait()
}

func TestVersionsAndRollback(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	ctx := t.Context()
	one := h.Deploy("n", numbered(t, 1), hosttest.Routes("GET /one"))
	two := h.Deploy("n", numbered(t, 2), hosttest.Routes("GET /two"))
	if one.Version == two.Version || one.Kind != host.KindPython || one.OwnBytes <= 0 || one.ImageBytes < one.OwnBytes || one.DeployMS <= 0 {
		t.Errorf("receipts %+v and %+v", one, two)
	}
	ok(t, h.Call("GET", "/two", ""), "[2, 2, 2]")
	refused(t, h.Call("GET", "/one", ""), 404, "not-found")
	// The same content and settings again are the same version.
	if again := h.Deploy("n", numbered(t, 2), hosttest.Routes("GET /two")); again.Version != two.Version {
		t.Errorf("the same content is version %s and %s", two.Version, again.Version)
	}
	back, err := h.Operator.Rollback(ctx, host.DefaultTenant, "n", "")
	if err != nil || back.Version != one.Version {
		t.Fatalf("rolled back to %+v, %v", back, err)
	}
	t.Logf("rollback took %.1f ms, the deploy %.1f ms", back.DeployMS, two.DeployMS)
	ok(t, h.Call("GET", "/one", ""), "[1, 1, 1]")
	refused(t, h.Call("GET", "/two", ""), 404, "not-found")
	if _, err := h.Operator.Rollback(ctx, host.DefaultTenant, "n", strings.TrimPrefix(two.Version, "sha256:")[:12]); err != nil {
		t.Errorf("by a part of the digest without its prefix: %v", err)
	} else {
		ok(t, h.Call("GET", "/two", ""), "[2, 2, 2]")
	}
	if _, err := h.Operator.Rollback(ctx, host.DefaultTenant, "n", one.Version[:20]); err != nil {
		t.Errorf("by a part of the digest: %v", err)
	}
	_, err = h.Operator.Rollback(ctx, host.DefaultTenant, "n", "sha256:ffff")
	controlRefused(t, err, "not-found", "")
	// A route that another service took in the meantime stays there.
	h.Deploy("other", hosttest.Python("def handle(r): return 'other'\n"), hosttest.Routes("GET /two"))
	_, err = h.Operator.Rollback(ctx, host.DefaultTenant, "n", two.Version)
	controlRefused(t, err, "conflict", "")
	ok(t, h.Call("GET", "/one", ""), "[1, 1, 1]")
	ok(t, h.Call("GET", "/two", ""), "other")
	versions, err := h.Operator.Versions(ctx, host.DefaultTenant, "n")
	if err != nil || len(versions) != 2 || !versions[0].Running || versions[0].Digest != one.Version || versions[1].Running {
		t.Errorf("versions %+v, %v", versions, err)
	}
}

// TestConcurrentDeploys deploys many services, and one service many times,
// at once.
func TestConcurrentDeploys(t *testing.T) {
	t.Parallel()
	services := scaled(50, 200)
	h := hosttest.Start(t, nil)
	var wg sync.WaitGroup
	for n := range services {
		wg.Go(func() {
			name := fmt.Sprint("s", n)
			if _, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, name, numbered(t, n), hosttest.Routes("GET /"+name)); err != nil {
				t.Errorf("%s: %v", name, hosttest.Explain(err))
			}
		})
		if n%5 == 0 {
			wg.Go(func() {
				if _, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "same", numbered(t, n), hosttest.Routes("GET /same")); err != nil {
					t.Errorf("same: %v", hosttest.Explain(err))
				}
			})
		}
	}
	wg.Wait()
	for n := range services {
		ok(t, h.Call("GET", fmt.Sprint("/s", n), ""), fmt.Sprintf("[%d, %d, %d]", n, n, n))
	}
	// What the catalogue says runs is what answers.
	s, err := h.Operator.Service(t.Context(), host.DefaultTenant, "same")
	if err != nil {
		t.Fatal(err)
	}
	first := h.Call("GET", "/same", "").Body
	h.Stop()
	again := hosttest.Start(t, h.SameData())
	ok(t, again.Call("GET", "/same", ""), first)
	if after, err := again.Operator.Service(t.Context(), host.DefaultTenant, "same"); err != nil || after.Running != s.Running {
		t.Errorf("version %s, after the restart %+v, %v", s.Running, after, err)
	}
}

// TestBrokenUploads refuses what cannot run, says why, and leaves what runs.
func TestBrokenUploads(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	good := hosttest.Routes("GET /good")
	h.Deploy("good", hosttest.Python("def handle(r): return 'good'\n"), good)
	valid := echoModule()
	wasm := hosttest.Module
	archive := func(headers ...tar.Header) client.Upload {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, x := range headers {
			x.Mode = 0o644
			if err := w.WriteHeader(&x); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return client.Upload{FileName: "x.tar", ContentType: host.TypeTar, Content: b.Bytes()}
	}
	unknown := wasmtest.New(1, 0)
	unknown.Import("env", "no_such_function", nil, nil)
	wrongType := wasmtest.New(1, 0)
	wrongType.Import("serai_v1", "call", nil, nil)
	badMagic := bytes.Clone(valid)
	badMagic[4] = 9
	wide := wasmtest.New(1, 0)
	wide.Func(wasmtest.Func{Export: "serai_handle", Params: []byte{wasmtest.I64}, Results: []byte{wasmtest.I64}, Body: wasmtest.LocalGet(0)})
	huge := wasmtest.New(60_000, 0)
	huge.Func(handle(wasmtest.I32Const(0)))
	for name, c := range map[string]struct {
		up   client.Upload
		want string // a part of the message
	}{
		"empty":                 {client.Upload{FileName: "a.py", ContentType: host.TypePython}, "empty"},
		"empty module":          {wasm(nil), "empty"},
		"no module":             {wasm([]byte("not wasm at all")), ""},
		"truncated module":      {wasm(valid[:len(valid)-7]), ""},
		"truncated header":      {wasm(valid[:6]), ""},
		"wrong version":         {wasm(badMagic), ""},
		"component":             {wasm([]byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}), "component"},
		"unknown import":        {wasm(unknown.Bytes()), "no_such_function"},
		"import of other type":  {wasm(wrongType.Bytes()), "call"},
		"no export":             {wasm(wasmtest.New(1, 0).Bytes()), "serai_handle"},
		"export of other type":  {wasm(wide.Bytes()), "signature"},
		"too much memory":       {wasm(huge.Bytes()), "--memory"},
		"Python as module":      {client.Upload{FileName: "a.wasm", ContentType: host.TypeWASM, Content: []byte("def handle(r): pass")}, ""},
		"module as Python":      {client.Upload{FileName: "a.py", ContentType: host.TypePython, Content: valid}, ""},
		"unknown type":          {client.Upload{FileName: "a.jar", ContentType: "application/java-archive", Content: valid}, "application/java-archive"},
		"no type":               {client.Upload{FileName: "a", Content: valid}, ""},
		"broken archive":        {client.Upload{FileName: "a.tar", ContentType: host.TypeTar, Content: []byte("not an archive")}, "archive"},
		"empty archive":         {archive(), "no Python file"},
		"way out":               {archive(tar.Header{Name: "../service.py"}), "leads out"},
		"absolute path":         {archive(tar.Header{Name: "/etc/service.py"}), "leads out"},
		"link":                  {archive(tar.Header{Name: "service.py", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), "link"},
		"hard link":             {archive(tar.Header{Name: "service.py", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}), "link"},
		"device":                {archive(tar.Header{Name: "service.py", Typeflag: tar.TypeChar}), ""},
		"several and no entry":  {archive(tar.Header{Name: "a.py"}, tar.Header{Name: "b.py"}), "a.py, b.py has no service"},
		"compiled extension":    {archive(tar.Header{Name: "service.py"}, tar.Header{Name: "x.so"}), "compiled"},
		"over the tenant quota": {client.Upload{FileName: "a.py", ContentType: host.TypePython, Content: make([]byte, 65<<20)}, ""},
	} {
		if testing.Short() && len(c.up.Content) > 1<<20 {
			continue
		}
		_, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "good", c.up, good)
		e, known := err.(*client.Error) //nolint:errorlint // the client returns it as it is
		switch {
		case !known:
			t.Errorf("%s: error %v", name, err)
		case e.Code == "internal" || e.Status >= 500:
			t.Errorf("%s: %d %s: %s", name, e.Status, e.Code, e.Message)
		case !strings.Contains(hosttest.Explain(err), c.want):
			t.Errorf("%s: %s, does not say %q", name, hosttest.Explain(err), c.want)
		}
	}
	ok(t, h.Call("GET", "/good", ""), "good")
	if v, err := h.Operator.Versions(t.Context(), host.DefaultTenant, "good"); err != nil || len(v) != 1 {
		t.Errorf("%d versions, %v", len(v), err)
	}
}

// TestConflictingRoutes refuses a route that another service has.
func TestConflictingRoutes(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	up := hosttest.Python("def handle(r): return r.service\n")
	h.Deploy("a", up, hosttest.Routes("GET /user/{id}"))
	for route, refusedIt := range map[string]bool{
		"GET /user/{id}": true, "GET /user/{name}": true, "* /user/{id}": false, "POST /user/{id}": false, "GET /user/fixed": false, "GET /user": false,
	} {
		_, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "b", up, hosttest.Routes(route))
		if refusedIt {
			controlRefused(t, err, "conflict", "route")
		} else if err != nil {
			t.Errorf("%s: %v", route, err)
		}
	}
	h.Deploy("b", up, hosttest.Routes("POST /user/{id}"))
	ok(t, h.Call("GET", "/user/7", ""), "a")
	ok(t, h.Call("HEAD", "/user/7", ""), "")
	if r := h.Call("DELETE", "/user/7", ""); r.Status != 405 || !strings.Contains(r.Header.Get("Allow"), "GET") {
		t.Errorf("%d, Allow %q", r.Status, r.Header.Get("Allow"))
	}
}

// TestDeployIsFast measures the deploy of a service that imports only the
// standard library; the machine may be busy, so the bound is generous.
func TestDeployIsFast(t *testing.T) {
	h := hosttest.Start(t, nil)
	h.Deploy("first", numbered(t, 0), client.Settings{})
	best := time.Hour
	for n := range 10 {
		r := h.Deploy("n", numbered(t, n+1), client.Settings{})
		best = min(best, time.Duration(r.DeployMS*float64(time.Millisecond)))
	}
	t.Logf("fastest of 10 deploys: %v", best)
	if best > time.Second {
		t.Errorf("a deploy takes %v", best)
	}
}
