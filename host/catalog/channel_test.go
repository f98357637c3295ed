package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// channel returns a channel of a service that has its name.
func channel(tenant, name, route string) host.Channel {
	r := parse(route)
	return host.Channel{
		Tenant: tenant, Name: name, Service: name,
		Host: r.Host, Method: r.Method, Path: r.Path, MatchSlash: r.MatchSlash, Accept: r.Accept,
	}
}

func TestChannels(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	ok(t, c.PutAuth(ctx, host.AuthDefinition{Tenant: "a", Name: "key", Type: host.AuthAPIKey, Hash: "h"}))
	yes, no := true, false
	full := host.Channel{
		Tenant: "a", Name: "orders", Service: "api.orders", Disabled: true,
		Host: "API.example", Method: "get", Path: "/o/{id}", MatchSlash: true, Accept: "Text/*",
		Auth: []string{"key"}, Realm: "shop", DataFormat: host.FormatCSV, ContentType: "text/csv; header=present",
		MergeParams: &no, ParamsPriority: host.MessageOverParams, URLParamsPriority: host.QueryOverPath,
	}
	ok(t, c.PutChannel(ctx, full))
	got, err := c.Channel(ctx, "a", "orders")
	ok(t, err)
	want := full
	want.Host, want.Method, want.Accept = "api.example", "GET", "text/*"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("channel (-want +got):\n%s", diff)
	}
	plain := channel("a", "orders", "* /o")
	defaults := plain
	defaults.MergeParams, defaults.MatchSlash = &yes, true
	defaults.ParamsPriority, defaults.URLParamsPriority = host.ParamsOverMessage, host.PathOverQuery
	ok(t, c.PutChannel(ctx, defaults))
	ok(t, c.PutChannel(ctx, channel("a", "another", "GET /x")))
	all, err := c.Channels(ctx, "a")
	ok(t, err)
	if diff := cmp.Diff([]host.Channel{channel("a", "another", "GET /x"), plain}, all); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
	if others, err := c.Channels(ctx, "b"); err != nil || len(others) != 0 {
		t.Errorf("another tenant sees %v, %v", others, err)
	}
	if got, want := table(t, c), "a/orders * /o\na/another GET /x"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	ok(t, c.DeleteChannel(ctx, "a", "orders"))
	if got, want := table(t, c), "a/another GET /x"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	_, err = c.Channel(ctx, "a", "orders")
	for _, err := range []error{err, c.DeleteChannel(ctx, "a", "orders"), c.DeleteChannel(ctx, "b", "another")} {
		if host.CodeOf(err) != abi.NotFound {
			t.Errorf("error %v", err)
		}
	}
}

func TestNormalizeChannelRefuses(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*host.Channel){
		"name":                func(c *host.Channel) { c.Name = "a/b" },
		"service":             func(c *host.Channel) { c.Service = "" },
		"host":                func(c *host.Channel) { c.Host = "h:80" },
		"method":              func(c *host.Channel) { c.Method = "G T" },
		"path":                func(c *host.Channel) { c.Path = "x" },
		"accept":              func(c *host.Channel) { c.Accept = "json" },
		"realm":               func(c *host.Channel) { c.Realm = "a\r\nb" },
		"data_format":         func(c *host.Channel) { c.DataFormat = "yaml" },
		"content_type":        func(c *host.Channel) { c.ContentType = "text/html\r\nx: y" },
		"params_priority":     func(c *host.Channel) { c.ParamsPriority = "msg" },
		"url_params_priority": func(c *host.Channel) { c.URLParamsPriority = "qs" },
		"auth":                func(c *host.Channel) { c.Auth = []string{"a", "a"} },
	} {
		c := channel("a", "x", "GET /x")
		spoil(&c)
		_, err := NormalizeChannel(c)
		want(t, err, abi.Invalid, field)
	}
	many := channel("a", "x", "GET /x")
	for i := range MaxChannelAuth + 1 {
		many.Auth = append(many.Auth, fmt.Sprint("d", i))
	}
	_, err := NormalizeChannel(many)
	want(t, err, abi.Invalid, "auth")
}

// Channels and the routes of versions are in one table under one rule.
func TestChannelConflicts(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	ok(t, c.Activate(ctx, version("a", "svc", 1, "GET /s/{id}")))
	ok(t, c.PutChannel(ctx, channel("a", "one", "GET /c/x-{id}")))
	for _, route := range []string{"GET /s/{id}", "GET /c/x-{other}"} {
		want(t, c.PutChannel(ctx, channel("a", "two", route)), abi.Conflict, "path")
		want(t, c.Activate(ctx, version("a", "two", 2, route)), abi.Conflict, "route")
		err := c.PutChannel(ctx, channel("b", "two", strings.Replace(route, "GET", "*", 1)))
		want(t, err, abi.Conflict, "path")
		if strings.Contains(err.Error(), "svc") || strings.Contains(err.Error(), "one") {
			t.Errorf("error tells of another tenant: %v", err)
		}
	}
	err := c.PutChannel(ctx, channel("a", "two", "GET /c/x-{id}"))
	if err == nil || !strings.Contains(err.Error(), `channel "one"`) {
		t.Errorf("error does not name the own channel: %v", err)
	}
	// What differs in method or media type is taken, by the same tenant only.
	for i, route := range []string{"POST /c/x-{id}", "* /c/x-{id}", "GET /c/x-{id} as text/csv", "GET /c/x-{id} as text/*", "GET /c/{id}", "GET /c/x-{id}+"} {
		ok(t, c.PutChannel(ctx, channel("a", fmt.Sprint("ok", i), route)))
	}
	want(t, c.PutChannel(ctx, channel("b", "two", "GET /c/x-{id} as a/b")), abi.Conflict, "path")
	if _, err := c.Channel(ctx, "b", "two"); host.CodeOf(err) != abi.NotFound {
		t.Errorf("a refused channel exists: %v", err)
	}
}

func TestPutChannelsTogether(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	write := func(channels ...host.Channel) error {
		return c.update(ctx, "a", func(tx host.Tx) error { return putChannels(tx, "a", channels...) })
	}
	ok(t, write(channel("a", "one", "GET /1"), channel("a", "two", "GET /2")))
	ok(t, write(channel("a", "one", "GET /2"), channel("a", "two", "GET /1"))) // they swap
	if got, want := table(t, c), "a/two GET /1\na/one GET /2"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	want(t, write(channel("a", "x", "GET /x"), channel("a", "x", "GET /y")), abi.Invalid, "name")
	want(t, write(channel("a", "x", "GET /x"), channel("a", "y", "GET /x")), abi.Conflict, "path")
	missing := channel("a", "x", "GET /x")
	missing.Auth = []string{"nobody"}
	want(t, write(channel("a", "y", "GET /y"), missing), abi.Invalid, "auth")
	// Another writer of the transaction fails: nothing stays.
	boom := errors.New("boom")
	err := c.update(ctx, "a", func(tx host.Tx) error {
		if err := putChannels(tx, "a", channel("a", "x", "GET /x")); err != nil {
			return err
		}
		if err := deleteChannel(tx, "a", "one"); err != nil {
			return err
		}
		if all, err := listChannels(tx, "a"); err != nil || len(all) != 2 {
			t.Errorf("within the transaction: %v, %v", all, err)
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("error %v", err)
	}
	if got, want := table(t, c), "a/two GET /1\na/one GET /2"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	if err := c.update(ctx, "nobody", func(host.Tx) error { return nil }); host.CodeOf(err) != abi.NotFound {
		t.Errorf("error %v", err)
	}
}

func TestChannelsAreCounted(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	for range 3 { // a replacement counts once
		ok(t, c.PutChannel(ctx, channel("a", "x", "GET /x")))
	}
	ok(t, c.PutChannel(ctx, channel("a", "y", "GET /y")))
	ok(t, c.DeleteChannel(ctx, "a", "x"))
	ok(t, c.update(ctx, "a", func(tx host.Tx) error {
		count, _, err := get[countRecord](tx, kindPrefix("a", dataCount))
		if count.Channels != 1 {
			t.Errorf("%d channels are counted", count.Channels)
		}
		count.Channels = MaxChannels
		return errors.Join(err, put(tx, kindPrefix("a", dataCount), count))
	}))
	want(t, c.PutChannel(ctx, channel("a", "z", "GET /z")), abi.Denied, "")
	ok(t, c.PutChannel(ctx, channel("a", "y", "GET /other")))
}

// A channel outlives its service and tells that it is missing.
func TestChannelOfAMissingService(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	missing := func() bool {
		bindings, err := c.Bindings(ctx)
		ok(t, err)
		if len(bindings) != 1 || bindings[0].Channel == nil || bindings[0].Channel.Path != "/x" {
			t.Fatalf("bindings %+v", bindings)
		}
		return bindings[0].Missing
	}
	ok(t, c.PutChannel(ctx, channel("a", "svc", "GET /x")))
	if !missing() {
		t.Error("the service is there before its deploy")
	}
	ok(t, c.Activate(ctx, version("a", "svc", 1)))
	if missing() {
		t.Error("the service is missing after its deploy")
	}
	ok(t, c.DeleteService(ctx, "a", "svc"))
	if !missing() {
		t.Error("the service is there after its deletion")
	}
}

func TestDefinitionOfAChannelStays(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	ok(t, c.PutAuth(ctx, host.AuthDefinition{Tenant: "a", Name: "key", Type: host.AuthAPIKey, Hash: "h"}))
	x := channel("a", "x", "GET /x")
	x.Auth = []string{"key"}
	ok(t, c.PutChannel(ctx, x))
	want(t, c.DeleteAuth(ctx, "a", "key"), abi.Conflict, "auth")
	ok(t, c.DeleteChannel(ctx, "a", "x"))
	ok(t, c.DeleteAuth(ctx, "a", "key"))
}

func TestDeleteTenantWithChannels(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	var all []host.Channel
	for i := range 600 { // more than one transaction deletes
		all = append(all, channel("a", fmt.Sprint("c", i), fmt.Sprint("GET /", i)))
	}
	ok(t, c.update(ctx, "a", func(tx host.Tx) error { return putChannels(tx, "a", all...) }))
	ok(t, c.PutChannel(ctx, channel("b", "b", "GET /b")))
	ok(t, c.DeleteTenant(ctx, "a"))
	if got, want := table(t, c), "b/b GET /b"; got != want {
		t.Errorf("table:\n%.200s\nwant:\n%s", got, want)
	}
	if n := count(t, c, dataPrefix("a")); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func TestMediaTypesAreBounded(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	for i := range MaxMediaTypes {
		ok(t, c.PutChannel(ctx, channel("a", fmt.Sprint("c", i), fmt.Sprint("GET /x/{id} as a/b", i))))
	}
	want(t, c.PutChannel(ctx, channel("a", "more", "GET /x/{other} as a/more")), abi.Conflict, "path")
	ok(t, c.PutChannel(ctx, channel("a", "post", "POST /x/{id} as a/more")))
	ok(t, c.PutChannel(ctx, channel("a", "c0", "GET /x/{id} as a/changed")))
}

func TestSources(t *testing.T) {
	t.Parallel()
	c := withTenants(t, "a")
	in := host.Channel{Tenant: "a", Name: "in", Service: "s", Type: "amqp", Connection: "B", Config: []byte(`{ "queue": "q" }`)}
	want := in
	want.Config = []byte(`{"queue":"q"}`)
	sources := func(want ...host.Channel) {
		t.Helper()
		got, err := c.Sources(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([]host.Channel{}, want...), got); diff != "" {
			t.Error(diff)
		}
	}
	put := func(v host.Channel) {
		t.Helper()
		if err := c.PutChannel(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	put(in)
	put(in) // it may be put again
	put(channel("a", "rest", "GET /x"))
	sources(want)
	// A channel may become one of the gateway, and the other way round.
	put(channel("a", "in", "GET /y"))
	sources()
	put(in)
	sources(want)
	put(channel("a", "other", "GET /y"))
	if err := c.DeleteChannel(t.Context(), "a", "in"); err != nil {
		t.Fatal(err)
	}
	sources()
	for field, bad := range map[string]func(*host.Channel){
		"connection":  func(v *host.Channel) { v.Connection = "" },
		"type":        func(v *host.Channel) { v.Type = "a/b" },
		"config":      func(v *host.Channel) { v.Config = []byte("[]") },
		"path":        func(v *host.Channel) { v.Path = "/x" },
		"auth":        func(v *host.Channel) { v.Auth = []string{"d"} },
		"data_format": func(v *host.Channel) { v.DataFormat = "sms" },
	} {
		v := in
		bad(&v)
		var e *host.Error
		if err := c.PutChannel(t.Context(), v); !errors.As(err, &e) || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
