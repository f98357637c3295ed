package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/apply"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/connector/kv"
	"github.com/seraihost/serai/host/deploy"
	"github.com/seraihost/serai/host/security"
	"github.com/seraihost/serai/host/telemetry"
)

// fixture is a control API on port 0 over a store in memory, a deployer that
// runs nothing, and an invoker that echoes.
type fixture struct {
	t        *testing.T
	url      string
	operator string
	catalog  *catalog.Catalog
	book     *telemetry.Book
	metrics  *telemetry.Metrics
	deployer *fakeDeployer
	server   *Server

	mu      sync.Mutex
	changes int
}

const followers = 4 // of one tenant's log

func newFixture(t *testing.T) *fixture {
	t.Helper()
	box, err := security.OpenBox(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	store := &memStore{m: map[string][]byte{}}
	operator, hash := security.NewToken()
	f := &fixture{
		t: t, operator: operator, catalog: catalog.New(store, box),
		book: telemetry.NewBook(telemetry.Options{Followers: followers}), metrics: telemetry.NewMetrics(),
	}
	f.deployer = &fakeDeployer{catalog: f.catalog}
	f.server, err = New(Config{
		Catalog: f.catalog, Deployer: f.deployer, Invoker: echo{}, Book: f.book, KV: kv.New(store),
		Applier: apply.New(apply.Config{Catalog: f.catalog, Deployer: f.deployer}),
		Metrics: f.metrics.Registry(), OperatorTokenHash: hash,
		OnChange: func(context.Context) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.changes++
			return nil
		},
		About: About{Version: "1.2.3", Engine: "none", Go: "go", Platform: "linux/amd64"},
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.url = "http://" + l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- f.server.Serve(l) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := f.server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return f
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body []byte
}

func (f *fixture) send(token, method, path, contentType string, body io.Reader) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	validate(f.t, req, resp, b)
	return answer{resp, b}
}

// do sends JSON and wants a status.
func (f *fixture) do(token, method, path, body string, want int) answer {
	f.t.Helper()
	a := f.send(token, method, path, "application/json", strings.NewReader(body))
	if a.StatusCode != want {
		f.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.StatusCode, want, a.body)
	}
	return a
}

// tenant creates a tenant and returns its token.
func (f *fixture) tenant(name string) string {
	f.t.Helper()
	var out struct{ Token string }
	a := f.do(f.operator, "POST", "/v1/tenants", `{"tenant":"`+name+`"}`, 201)
	if err := json.Unmarshal(a.body, &out); err != nil {
		f.t.Fatal(err)
	}
	return out.Token
}

// upload deploys content.
func (f *fixture) upload(token, tenant, service, settings, kind, content string) answer {
	f.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if settings != "" {
		part(f.t, w, `form-data; name="settings"`, "application/json", settings)
	}
	part(f.t, w, `form-data; name="module"; filename="svc.py"`, kind, content)
	if err := w.Close(); err != nil {
		f.t.Fatal(err)
	}
	return f.send(token, "PUT", "/v1/tenants/"+tenant+"/services/"+service, w.FormDataContentType(), &b)
}

func part(t *testing.T, w *multipart.Writer, disposition, kind, content string) {
	t.Helper()
	p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {kind}})
	if err == nil {
		_, err = io.WriteString(p, content)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fakeDeployer records versions in the catalogue and runs nothing.
type fakeDeployer struct {
	catalog *catalog.Catalog
	last    host.Upload
}

func (d *fakeDeployer) Deploy(ctx context.Context, up host.Upload) (*host.Receipt, error) {
	d.last = up
	if bytes.Contains(up.Content, []byte("broken")) {
		e := host.Errorf(abi.Invalid, "SyntaxError: invalid syntax (svc.py, line 3)")
		e.Detail = &host.GuestFailure{Type: "SyntaxError", Message: "invalid syntax", File: "svc.py", Line: 3, Traceback: "Traceback…"}
		return nil, e
	}
	sum := security.HashToken(string(up.Content))
	v := host.Version{
		Digest: "sha256:" + hexed(sum), Tenant: up.Tenant, Service: up.Service, Kind: host.KindPython,
		Created: time.Now(), Settings: up.Settings, Source: "sha256:" + hexed(sum), ImageBytes: 10, OwnBytes: 1,
	}
	return receipt(v), d.catalog.Activate(ctx, v)
}

// DeployAll takes the words of the content for names of services.
func (d *fakeDeployer) DeployAll(ctx context.Context, up host.Upload, settings func(string) (host.Settings, error)) ([]host.Receipt, error) {
	var out []host.Receipt
	for name := range strings.FieldsSeq(string(up.Content)) {
		var err error
		up.Service = name
		if up.Settings, err = settings(name); err != nil {
			return nil, err
		}
		r, err := d.Deploy(ctx, up)
		if err != nil {
			return nil, err
		}
		out = append(out, *r)
	}
	return out, nil
}

func (d *fakeDeployer) Rollback(ctx context.Context, tenant, service, version string) (*host.Receipt, error) {
	if version == "" {
		all, err := d.catalog.Versions(ctx, tenant, service)
		if err != nil {
			return nil, err
		}
		if len(all) < 2 {
			return nil, host.Errorf(abi.Conflict, "there is no earlier version")
		}
		version = all[1].Digest
	}
	v, err := d.catalog.Version(ctx, tenant, service, version)
	if err != nil {
		return nil, err
	}
	return receipt(v), d.catalog.Activate(ctx, v)
}

// Build refuses all uploads.
func (d *fakeDeployer) Build(context.Context, host.Upload) (*deploy.Build, error) {
	e := host.FieldErrorf("module", "SyntaxError: invalid syntax (svc.py, line 3)")
	e.Detail = &host.GuestFailure{Type: "SyntaxError", Message: "invalid syntax", File: "svc.py", Line: 3, Traceback: "Traceback…"}
	return nil, e
}

func (d *fakeDeployer) Edit(ctx context.Context, tenant string, e catalog.Edit) ([]host.Receipt, error) {
	return nil, d.catalog.Edit(ctx, tenant, e)
}

func (d *fakeDeployer) Source(ctx context.Context, tenant, service string) (host.Upload, error) {
	if _, err := d.catalog.Service(ctx, tenant, service); err != nil {
		return host.Upload{}, err
	}
	return d.last, nil
}

func (d *fakeDeployer) Delete(ctx context.Context, tenant, service string) error {
	return d.catalog.DeleteService(ctx, tenant, service)
}

func receipt(v host.Version) *host.Receipt {
	return &host.Receipt{Service: v.Service, Version: v.Digest, Kind: v.Kind, ImageBytes: v.ImageBytes, OwnBytes: v.OwnBytes, DeployMS: 1.5}
}

func hexed(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, x := range b {
		out.WriteByte(digits[x>>4])
		out.WriteByte(digits[x&15])
	}
	return out.String()
}

// echo answers a call with its own body; the service "teapot" with 418 and
// the service "failing" with a failure.
type echo struct{}

// began and finish steer the service "slow".
var began, finish = make(chan struct{}), make(chan struct{})

func (echo) Invoke(ctx context.Context, c *host.Call) (*host.Reply, error) {
	switch c.Service {
	case "slow":
		close(began)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-finish:
		}
	case "failing":
		e := host.Errorf(abi.Failed, "ValueError: no")
		e.Detail = &host.GuestFailure{Type: "ValueError", Message: "no", Traceback: "Traceback…"}
		return nil, e
	case "teapot":
		return &host.Reply{Status: 418, Body: []byte(`{"tea":true}`), Headers: []abi.Field{
			{Name: "content-type", Value: "application/json"},
			{Name: "x-pot", Value: "1"},
			{Name: "access-control-allow-origin", Value: "*"},
			{Name: "set-cookie", Value: "a=b"},
		}}, nil
	}
	return &host.Reply{Status: 200, Body: slices.Clone(c.Body), Headers: []abi.Field{
		{Name: "content-type", Value: c.Envelope.Get("header.content-type")},
	}}, nil
}

// memStore is a host.Store in memory: one lock, and a copy that a failed
// update leaves untouched.
type memStore struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (s *memStore) View(_ context.Context, fn func(host.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fn(memTx{s.m})
}

func (s *memStore) Update(_ context.Context, fn func(host.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.m)
	if err := fn(memTx{next}); err != nil {
		return err
	}
	s.m = next
	return nil
}

func (s *memStore) Close() error { return nil }

type memTx struct{ m map[string][]byte }

func (t memTx) Get(key []byte) ([]byte, error) {
	v, ok := t.m[string(key)]
	if !ok {
		return nil, host.ErrNoKey
	}
	return bytes.Clone(v), nil
}

func (t memTx) Set(key, value []byte, _ time.Duration) error {
	t.m[string(key)] = bytes.Clone(value)
	return nil
}

func (t memTx) Delete(key []byte) error {
	delete(t.m, string(key))
	return nil
}

func (t memTx) Scan(prefix, after []byte, fn func(key, value []byte) bool) error {
	for _, k := range slices.Sorted(maps.Keys(t.m)) {
		if !strings.HasPrefix(k, string(prefix)) || after != nil && k <= string(after) {
			continue
		}
		if !fn([]byte(k), t.m[k]) {
			return nil
		}
	}
	return nil
}
