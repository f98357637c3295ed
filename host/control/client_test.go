package control

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/telemetry"
)

func newClient(t *testing.T, f *fixture, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: f.url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestClientServices(t *testing.T) {
	f := newFixture(t)
	ctx, c := t.Context(), newClient(t, f, f.operator)
	tok, err := c.CreateTenant(ctx, "acme", map[string]any{"memory": "64MiB"})
	must(t, err)
	own := newClient(t, f, tok.Token)
	memory := 32 * host.MiB
	first, err := own.Deploy(ctx, "acme", "a b", client.Upload{FileName: "a.py", ContentType: host.TypePython, Content: []byte("1")},
		client.Settings{Routes: []host.Route{{Path: "/a"}}, Limits: &client.Limits{Memory: &memory}})
	must(t, err)
	_, err = own.Deploy(ctx, "acme", "a b", client.Upload{FileName: "a.py", ContentType: host.TypePython, Content: []byte("2")}, client.Settings{Keep: true})
	must(t, err)
	all, err := own.Services(ctx, "acme")
	must(t, err)
	if len(all) != 1 || all[0].Name != "a b" || len(all[0].Routes) != 1 {
		t.Errorf("services are %+v", all)
	}
	one, err := own.Service(ctx, "acme", "a b")
	must(t, err)
	if one.Settings == nil || one.Settings.Limits.Memory != memory {
		t.Errorf("service is %+v", one)
	}
	r, err := own.Rollback(ctx, "acme", "a b", "")
	must(t, err)
	versions, err := own.Versions(ctx, "acme", "a b")
	must(t, err)
	if r.Version != first.Version || len(versions) != 2 || !versions[0].Running {
		t.Errorf("rolled back to %+v of %+v", r, versions)
	}
	reply, err := own.Invoke(ctx, "acme", "a b", "text/plain", []byte("hello"))
	must(t, err)
	if string(reply.Body) != "hello" || reply.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("reply is %+v", reply)
	}
	must(t, own.DeleteService(ctx, "acme", "a b"))
	var e *client.Error
	_, err = own.Deploy(ctx, "acme", "x", client.Upload{FileName: "x.py", ContentType: host.TypePython, Content: []byte("broken")}, client.Settings{})
	if !errors.As(err, &e) || e.Failure == nil || e.Failure.Line != 3 {
		t.Errorf("error is %#v", err)
	}
	_, err = own.Service(ctx, "other", "x")
	if !errors.As(err, &e) || e.Code != "not-found" || e.Status != 404 || e.CID == "" {
		t.Errorf("error is %#v", err)
	}
}

func TestClientTeapotIsAReply(t *testing.T) {
	f := newFixture(t)
	f.upload(f.operator, f.defaultTenant(), "teapot", "", host.TypePython, "x")
	reply, err := newClient(t, f, f.operator).Invoke(t.Context(), "default", "teapot", "", nil)
	must(t, err)
	if reply.Status != 418 {
		t.Errorf("status is %d", reply.Status)
	}
}

func (f *fixture) defaultTenant() string {
	f.tenant("default")
	return "default"
}

func TestClientSetup(t *testing.T) {
	f := newFixture(t)
	ctx, c := t.Context(), newClient(t, f, f.operator)
	tenant := f.defaultTenant()
	about, err := c.Version(ctx)
	must(t, err)
	if about.Version != "1.2.3" {
		t.Errorf("version is %+v", about)
	}
	must(t, c.PutAuth(ctx, tenant, "a", client.Auth{Type: host.AuthBasic, Username: "u", Password: "p"}))
	auths, err := c.Auths(ctx, tenant)
	must(t, err)
	a, err := c.Auth(ctx, tenant, "a")
	must(t, err)
	if diff := cmp.Diff(auths, []host.AuthDefinition{*a}); diff != "" {
		t.Error(diff)
	}
	must(t, c.DeleteAuth(ctx, tenant, "a"))
	_, err = c.PutConnection(ctx, tenant, "C", client.Connection{Type: "http", Config: []byte(`{"address":"http://x"}`), AllowNetworks: []string{"10.0.0.0/8"}})
	must(t, err)
	conns, err := c.Connections(ctx, tenant)
	must(t, err)
	conn, err := c.Connection(ctx, tenant, "C")
	must(t, err)
	if diff := cmp.Diff(conns, []client.Connection{*conn}); diff != "" {
		t.Error(diff)
	}
	must(t, c.DeleteConnection(ctx, tenant, "C"))
	stored, err := c.PutChannel(ctx, tenant, "ch", host.Channel{Service: "s", Path: "/x"})
	must(t, err)
	channels, err := c.Channels(ctx, tenant)
	must(t, err)
	channel, err := c.Channel(ctx, tenant, "ch")
	must(t, err)
	if diff := cmp.Diff(channels, []host.ChannelStatus{{Channel: *channel}}); diff != "" || stored.Method != "*" {
		t.Error(diff)
	}
	must(t, c.DeleteChannel(ctx, tenant, "ch"))
	must(t, c.SetConfig(ctx, tenant, "k", []byte("v")))
	must(t, c.SetSecret(ctx, tenant, "s", []byte("v")))
	must(t, c.SetKey(ctx, tenant, "a/b", []byte("v"), time.Hour))
	v, err := c.Config(ctx, tenant, "k")
	must(t, err)
	w, err := c.Key(ctx, tenant, "a/b")
	must(t, err)
	keys, _, err := c.Keys(ctx, tenant, "a", "", 0)
	must(t, err)
	names, err := c.SecretNames(ctx, tenant)
	must(t, err)
	config, err := c.ConfigKeys(ctx, tenant)
	must(t, err)
	got := []string{string(v), string(w), keys[0], names[0], config[0]}
	if diff := cmp.Diff([]string{"v", "v", "a/b", "s", "k"}, got); diff != "" {
		t.Error(diff)
	}
	must(t, errors.Join(c.DeleteConfig(ctx, tenant, "k"), c.DeleteSecret(ctx, tenant, "s"), c.DeleteKey(ctx, tenant, "a/b")))
	q, err := c.SetQuota(ctx, tenant, map[string]any{"services": 5})
	must(t, err)
	if q.Quota.Services != 5 {
		t.Errorf("quota is %+v", q.Quota)
	}
}

func TestClientFollowsLogs(t *testing.T) {
	f := newFixture(t)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	tenant := f.defaultTenant()
	add := func(m string) {
		f.book.Append(telemetry.Record{Tenant: tenant, Service: "s", Level: abi.LevelInfo, Message: m})
	}
	add("one")
	enough := errors.New("enough")
	var got []string
	err := newClient(t, f, f.operator).Logs(ctx, tenant, client.LogQuery{Follow: true, Service: "s", Level: "info"}, func(r telemetry.Record) error {
		got = append(got, r.Message)
		if len(got) == 3 {
			return enough
		}
		add([]string{"two", "three"}[len(got)-1])
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestClientRefusesOtherServers(t *testing.T) {
	for _, u := range []string{"", "127.0.0.1:8183", "ftp://x", "http://"} {
		if _, err := client.New(client.Config{URL: u}); host.CodeOf(err) != abi.Invalid {
			t.Errorf("%q: %v", u, err)
		}
	}
}
