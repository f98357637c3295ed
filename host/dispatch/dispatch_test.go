package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime"
	"github.com/seraihost/serai/host/telemetry"
)

// program is a runtime.Program that runs a Go function.
type program struct {
	serve   func(ctx context.Context, call *host.Call, s *guest.Session) (*host.Reply, error)
	started atomic.Int64
	closed  atomic.Int64
	resets  atomic.Int64
	ended   atomic.Bool
}

func (p *program) Start(context.Context) (runtime.Instance, error) {
	if p.ended.Load() {
		return nil, errors.New("started after it was closed")
	}
	p.started.Add(1)
	return &instance{p: p}, nil
}

func (p *program) Close() error { p.ended.Store(true); return nil }

type instance struct {
	p      *program
	closed bool
	busy   atomic.Bool
}

func (i *instance) Run(ctx context.Context, call *host.Call, s *guest.Session, _ *engine.Call) (*host.Reply, error) {
	if !i.busy.CompareAndSwap(false, true) || i.closed {
		return nil, errors.New("used twice at a time, or after it was closed")
	}
	defer i.busy.Store(false)
	return i.p.serve(ctx, call, s)
}

func (i *instance) Reset() (image.Stats, error) {
	i.p.resets.Add(1)
	return image.Stats{DirtyPages: 3}, nil
}

func (i *instance) MemoryBytes() int64 { return 1 << 20 }

func (i *instance) Close() error {
	if !i.closed {
		i.closed = true
		i.p.closed.Add(1)
	}
	return nil
}

// fakeCatalog has one tenant with services that run at once.
type fakeCatalog struct {
	quota    host.Quota
	versions map[string]host.Version
	programs map[string]*program
}

func (c *fakeCatalog) Tenant(_ context.Context, name string) (host.Tenant, error) {
	return host.Tenant{Name: name, Quota: c.quota}, nil
}

func (c *fakeCatalog) Service(_ context.Context, tenant, name string) (host.Service, error) {
	if _, ok := c.versions[name]; !ok || tenant != "t" {
		return host.Service{}, host.Errorf(abi.NotFound, "service %q does not exist", name)
	}
	return host.Service{Tenant: tenant, Name: name, Running: "v-" + name}, nil
}

func (c *fakeCatalog) Version(_ context.Context, _, service, _ string) (host.Version, error) {
	return c.versions[service], nil
}

func (c *fakeCatalog) Load(_ context.Context, v host.Version) (runtime.Program, error) {
	return c.programs[v.Service], nil
}

func version(name string, change func(*host.Settings)) host.Version {
	v := host.Version{
		Digest: "v-" + name, Tenant: "t", Service: name,
		Settings: host.Settings{Isolation: host.Pristine, Limits: host.DefaultLimits()},
	}
	if change != nil {
		change(&v.Settings)
	}
	return v
}

func echo(_ context.Context, call *host.Call, _ *guest.Session) (*host.Reply, error) {
	return &host.Reply{Status: 200, Body: call.Body}, nil
}

func start(t *testing.T, programs map[string]*program, change func(*host.Settings)) (*Dispatcher, *fakeCatalog) {
	t.Helper()
	c := &fakeCatalog{quota: host.DefaultQuota(), versions: map[string]host.Version{}, programs: programs}
	for name := range programs {
		c.versions[name] = version(name, change)
	}
	book := telemetry.NewBook(telemetry.Options{})
	d := New(Config{
		Catalog: c, Loader: c, Ops: connector.NewRegistry(), Book: book, Metrics: telemetry.NewMetrics(),
		Logger: slog.New(slog.DiscardHandler), Guests: 100, Memory: host.GiB, Waiting: 100,
	})
	t.Cleanup(func() {
		if err := errors.Join(d.Close(), book.Close()); err != nil {
			t.Error(err)
		}
		for name, p := range programs {
			if p.started.Load() != p.closed.Load() {
				t.Errorf("%s: %d instances started, %d closed", name, p.started.Load(), p.closed.Load())
			}
			if p.started.Load() > 0 && !p.ended.Load() {
				t.Errorf("%s was not closed", name)
			}
		}
	})
	return d, c
}

func call(service, body string) *host.Call {
	return &host.Call{Tenant: "t", Service: service, CID: "c1", Channel: abi.ChannelHTTP, Body: []byte(body)}
}

func TestInstancesAreReusedPristine(t *testing.T) {
	p := &program{serve: echo}
	d, _ := start(t, map[string]*program{"a": p}, nil)
	for i := range 10 {
		want := fmt.Sprint("body ", i)
		r, err := d.Invoke(t.Context(), call("a", want))
		if err != nil || string(r.Body) != want {
			t.Fatal(r, err)
		}
	}
	if p.started.Load() != 1 || p.resets.Load() != 10 {
		t.Errorf("%d instances and %d resets for 10 calls in a row", p.started.Load(), p.resets.Load())
	}
}

func TestWarmInstancesAreNotReset(t *testing.T) {
	p := &program{serve: echo}
	d, _ := start(t, map[string]*program{"a": p}, func(s *host.Settings) { s.Isolation = host.Warm })
	for range 3 {
		if _, err := d.Invoke(t.Context(), call("a", "")); err != nil {
			t.Fatal(err)
		}
	}
	if p.resets.Load() != 0 || p.started.Load() != 1 {
		t.Errorf("%d resets, %d instances", p.resets.Load(), p.started.Load())
	}
}

func TestFailedInstancesAreDropped(t *testing.T) {
	p := &program{serve: func(context.Context, *host.Call, *guest.Session) (*host.Reply, error) {
		return nil, &host.Error{Code: abi.Failed, Message: "the service failed", Detail: &host.GuestFailure{Type: "ValueError", Traceback: "secret"}}
	}}
	d, _ := start(t, map[string]*program{"a": p}, nil)
	_, err := d.Invoke(t.Context(), call("a", ""))
	if host.CodeOf(err) != abi.Failed || p.closed.Load() != 1 || p.resets.Load() != 0 {
		t.Errorf("%v; %d closed, %d reset", err, p.closed.Load(), p.resets.Load())
	}
	records := d.Book.Tail("t", telemetry.Filter{Service: "a", CID: "c1"})
	if len(records) != 1 || records[0].Failure == nil || records[0].Failure.Traceback != "secret" {
		t.Errorf("log of the failed call: %+v", records)
	}
}

func TestRefusals(t *testing.T) {
	d, _ := start(t, map[string]*program{"a": {serve: echo}}, func(s *host.Settings) {
		s.Limits.RequestBytes, s.Limits.InvokeDepth = 4, 2
	})
	for _, c := range []struct {
		name   string
		change func(*host.Call)
		want   abi.Code
	}{
		{"no such service", func(c *host.Call) { c.Service = "b" }, abi.NotFound},
		{"another tenant's service", func(c *host.Call) { c.Tenant = "u" }, abi.NotFound},
		{"a large request", func(c *host.Call) { c.Body = []byte("12345") }, abi.TooLarge},
		{"deep calls", func(c *host.Call) { c.Depth = 3 }, abi.Limit},
		{"another version", func(c *host.Call) { c.Version = "v-x" }, abi.Conflict},
	} {
		one := call("a", "1234")
		c.change(one)
		if _, err := d.Invoke(t.Context(), one); host.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %v", c.name, err, c.want)
		}
	}
}

func TestFullQueueIsUnavailable(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 8)
	p := &program{serve: func(ctx context.Context, c *host.Call, s *guest.Session) (*host.Reply, error) {
		entered <- struct{}{}
		<-release
		return echo(ctx, c, s)
	}}
	d, _ := start(t, map[string]*program{"a": p}, func(s *host.Settings) { s.Limits.InFlight, s.Limits.Queue = 1, 1 })
	var done sync.WaitGroup
	invoke := func() {
		done.Go(func() {
			if _, err := d.Invoke(t.Context(), call("a", "")); err != nil {
				t.Error(err)
			}
		})
	}
	invoke()
	<-entered
	invoke() // waits
	gate := d.services[key{"t", "a"}].gate.Load()
	for gate.Contended() == false {
		time.Sleep(time.Millisecond)
	}
	_, err := d.Invoke(t.Context(), call("a", ""))
	var coded *host.Error
	if !errors.As(err, &coded) || coded.Code != abi.Unavailable || coded.RetryAfter <= 0 {
		t.Errorf("the third call: %v", err)
	}
	nested := call("a", "")
	nested.Depth = 1 // its caller is in flight already: it does not wait for itself
	done.Go(func() {
		if _, err := d.Invoke(t.Context(), nested); err != nil {
			t.Error(err)
		}
	})
	<-entered
	close(release)
	done.Wait()
}

func TestUnusedProgramsAreUnloaded(t *testing.T) {
	p := &program{serve: echo}
	d, c := start(t, map[string]*program{"a": p}, nil)
	if _, err := d.Invoke(t.Context(), call("a", "")); err != nil {
		t.Fatal(err)
	}
	d.tidyOnce(time.Now().Add(unloadAfter / 2))
	if p.ended.Load() {
		t.Error("unloaded too early")
	}
	d.tidyOnce(time.Now().Add(2 * unloadAfter))
	if !p.ended.Load() || p.started.Load() != p.closed.Load() {
		t.Error("an unused program was not unloaded")
	}
	again := &program{serve: echo}
	c.programs["a"] = again
	if _, err := d.Invoke(t.Context(), call("a", "x")); err != nil {
		t.Errorf("after it was unloaded: %v", err)
	}
}

// TestFewProgramsStayLoaded calls more services than may stay loaded: those
// that were unused for longest are unloaded, and loaded again when called.
func TestFewProgramsStayLoaded(t *testing.T) {
	programs := make(map[string]*program)
	for i := range maxLoaded + 50 {
		programs[fmt.Sprint("s", i)] = &program{serve: echo}
	}
	d, c := start(t, programs, nil)
	for i := range maxLoaded + 50 {
		if _, err := d.Invoke(t.Context(), call(fmt.Sprint("s", i), "")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.running()); n > maxLoaded || n < maxLoaded*8/10 {
		t.Errorf("%d programs are loaded", n)
	}
	if !programs["s0"].ended.Load() || programs[fmt.Sprint("s", maxLoaded+49)].ended.Load() {
		t.Error("a program that was used later was unloaded first")
	}
	c.programs["s0"] = &program{serve: echo}
	if _, err := d.Invoke(t.Context(), call("s0", "")); err != nil {
		t.Error(err)
	}
}

// TestForgottenServicesStayForgotten deletes a service while a call looks it up.
func TestForgottenServicesStayForgotten(t *testing.T) {
	p := &program{serve: echo}
	d, _ := start(t, map[string]*program{"a": p}, nil)
	k := key{"t", "a"}
	if s := d.keep(k, host.Version{}, d.forgets-1); s != nil {
		t.Error("a service was kept that may have been forgotten since it was read")
	}
	s, err := d.find(t.Context(), key{call("a", "").Tenant, "a"})
	if err != nil {
		t.Fatal(err)
	}
	d.Forget(call("a", "").Tenant, "a")
	if _, _, err := s.acquire(t.Context(), d.Loader); !errors.Is(err, errRetired) {
		t.Errorf("a forgotten service is loaded: %v", err)
	}
	late := &program{serve: echo}
	s.swap(newActive(host.Version{}, late))
	if !late.ended.Load() {
		t.Error("a program that came too late stays loaded")
	}
}

// TestCallsOfADeletedTenantEnd has a call run while its tenant is deleted.
func TestCallsOfADeletedTenantEnd(t *testing.T) {
	entered := make(chan struct{})
	p := &program{serve: func(ctx context.Context, _ *host.Call, _ *guest.Session) (*host.Reply, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	d, _ := start(t, map[string]*program{"a": p}, nil)
	ended := make(chan error, 1)
	go func() {
		_, err := d.Invoke(t.Context(), call("a", ""))
		ended <- err
	}()
	<-entered
	d.mu.RLock()
	l := d.tenants[call("a", "").Tenant].life
	d.mu.RUnlock()
	d.ForgetServices(call("a", "").Tenant)
	if len(l.calls) != 0 {
		t.Error("a call goes on")
	}
	if err := <-ended; host.CodeOf(err) != abi.Cancelled {
		t.Errorf("the call ended with %v", err)
	}
	if _, _, ok := l.enter(t.Context()); ok {
		t.Error("a call begins for a tenant that was deleted")
	}
	l.end() // twice is fine
}

// TestSwitchUnderLoad switches versions while calls run: none may fail, and
// each sees one version only.
func TestSwitchUnderLoad(t *testing.T) {
	first := &program{serve: echo}
	d, _ := start(t, map[string]*program{"a": first}, nil)
	stop := make(chan struct{})
	var callers sync.WaitGroup
	var calls atomic.Int64
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := d.Invoke(t.Context(), call("a", "x")); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	var all []*program
	for i := range 50 {
		p := &program{serve: echo}
		all = append(all, p)
		v := version("a", nil)
		v.Digest = fmt.Sprint("v", i)
		d.Switch(v, p)
		for seen := calls.Load(); calls.Load() < seen+20; {
			time.Sleep(100 * time.Microsecond)
		}
	}
	close(stop)
	callers.Wait()
	for i, p := range all[:len(all)-1] {
		if !p.ended.Load() || p.started.Load() != p.closed.Load() {
			t.Errorf("version %d was not drained: %d started, %d closed", i, p.started.Load(), p.closed.Load())
		}
	}
	d.Forget("t", "a")
	if p := all[len(all)-1]; !p.ended.Load() {
		t.Error("a deleted service was not closed")
	}
}
