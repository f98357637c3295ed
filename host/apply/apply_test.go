package apply

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/deploy"
	"github.com/seraihost/serai/host/security"
	"github.com/seraihost/serai/storage/badger"
)

// editor makes changes without running anything; before is called first.
type editor struct {
	*catalog.Catalog
	before func()
	edits  int
}

func (*editor) Build(context.Context, host.Upload) (*deploy.Build, error) {
	return nil, errors.New("the disk is full")
}

func (e *editor) Edit(ctx context.Context, tenant string, edit catalog.Edit) ([]host.Receipt, error) {
	e.edits++
	if e.before != nil {
		e.before()
	}
	return nil, e.Catalog.Edit(ctx, tenant, edit)
}

// newApplier returns an applier over a catalogue with the tenant "a".
func newApplier(t *testing.T) (*Applier, *editor) {
	t.Helper()
	store, err := badger.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	box, err := security.OpenBox(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	e := &editor{Catalog: catalog.New(store, box)}
	if err := e.CreateTenant(t.Context(), host.Tenant{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	return New(Config{Catalog: e.Catalog, Deployer: e}), e
}

func TestApplyIsDecidedAnewWhenSomethingChanges(t *testing.T) {
	t.Parallel()
	a, e := newApplier(t)
	set := func(key string) {
		if err := e.SetConfig(t.Context(), "a", key, []byte("other")); err != nil {
			t.Error(err)
		}
	}
	e.before = func() {
		if e.edits == 1 {
			set("late")
		}
	}
	r := Request{Tenant: "a", Prune: true, Document: &config.Document{Config: map[string]string{"k": "v"}}}
	plan, err := a.Apply(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Change{{Kind: config.KindConfig, Name: "k", Action: config.Create}, {Kind: config.KindConfig, Name: "late", Action: config.Delete}}
	if diff := cmp.Diff(want, plan.Changes); diff != "" || e.edits != 2 {
		t.Errorf("%d edits: %s", e.edits, diff)
	}
	n := 0
	e.before = func() { n++; set(strings.Repeat("x", n)) }
	if _, err := a.Apply(t.Context(), Request{Tenant: "a", Document: &config.Document{Config: map[string]string{"k": "w"}}}); !errors.Is(err, catalog.ErrChanged) {
		t.Errorf("a tenant that always changes: %v", err)
	}
}

func TestApplyReportsFaultsOfTheHost(t *testing.T) {
	t.Parallel()
	a, _ := newApplier(t)
	r := Request{
		Tenant: "a", Document: &config.Document{Services: []config.Service{{Path: "x.py"}}},
		Uploads: map[int]host.Upload{0: {FileName: "x.py", ContentType: host.TypePython, Content: []byte("x")}},
	}
	_, err := a.Apply(t.Context(), r)
	if _, ok := errors.AsType[host.FieldErrors](err); ok || host.CodeOf(err) != abi.Internal {
		t.Errorf("a full disk: %v", err)
	}
	if _, err := a.Apply(t.Context(), Request{Tenant: "b", Document: &config.Document{}}); host.CodeOf(err) != abi.NotFound {
		t.Errorf("no tenant: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for i := range a.turns {
		a.turns[i] <- struct{}{}
	}
	if _, err := a.Apply(ended, Request{Tenant: "a", Document: &config.Document{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left: %v", err)
	}
}

func TestApplyIsBounded(t *testing.T) {
	t.Parallel()
	a, _ := newApplier(t)
	doc := &config.Document{Security: map[string]config.Security{}}
	for i := range maxSecurity + 1 {
		doc.Security[strings.Repeat("s", i%120+1)+string(rune('a'+i/120))] = config.Security{Type: host.AuthAPIKey, Key: &config.Secret{}}
	}
	_, err := a.Apply(t.Context(), Request{Tenant: "a", Document: doc})
	all, ok := errors.AsType[host.FieldErrors](err)
	if !ok || all[0].Field != "security" || !strings.Contains(all[0].Message, "at most 1000") {
		t.Errorf("%v", err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	a, e := newApplier(t)
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	settings := host.DefaultSettings(host.DefaultQuota())
	version := func(name, upload, source string, debug host.Debug) host.Version {
		s := settings
		s.Debug = debug
		return host.Version{Service: name, Upload: upload, Source: digest(source), Digest: digest(name), Kind: host.KindPython, Settings: s}
	}
	own := version("c", "", "2", host.DebugLocals)
	own.Settings.Export, own.Settings.Isolation = "Class", host.Warm
	err := e.Catalog.Edit(t.Context(), "a", catalog.Edit{
		Config:   map[string][]byte{"text": []byte("é"), "bytes": {0xff}},
		Secrets:  map[string][]byte{"crm.key": []byte("x"), "crm-key": []byte("y"), "1st": []byte("z")},
		Auths:    []host.AuthDefinition{{Name: "crm", Type: host.AuthAPIKey, Hash: "h"}},
		Activate: []host.Version{version("a", "up", "1", ""), version("b", "up", "1", ""), own},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Export(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Export{
		Document: &config.Document{
			Config:      map[string]string{"text": "é"},
			Secrets:     map[string]config.Secret{"1st": {Variable: "_1ST"}, "crm-key": {Variable: "CRM_KEY"}, "crm.key": {Variable: "CRM_KEY_2"}},
			Security:    map[string]config.Security{"crm": {Type: host.AuthAPIKey, Key: &config.Secret{Variable: "CRM_KEY_3"}}},
			Connections: map[string]config.Connection{}, Channels: map[string]config.Channel{},
			Services: []config.Service{{Name: "a"}, {Name: "b"}, {Name: "c", Settings: config.Settings{Isolation: host.Warm}}},
		},
		Uploads: []config.Upload{
			{Name: "up", Kind: host.KindPython, Services: []string{"a", "b"}},
			{
				Name: "c", Kind: host.KindPython, Services: []string{"c"},
				Entry: config.Service{Name: "c", Settings: config.Settings{Isolation: host.Warm, Export: "Class"}},
			},
		},
		Notes: []string{
			`the configuration value "bytes" is not text and left out`,
			`service "c" shows its tracebacks to clients, since serai dev deployed it; an apply ends that`,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
