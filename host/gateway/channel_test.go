package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway"
)

// channels binds channels of tenant t.
func channels(all ...host.Channel) []gateway.Binding {
	var out []gateway.Binding
	for _, c := range all {
		out = append(out, gateway.Binding{Tenant: "t", Service: c.Service, Route: c.Route(), Channel: &c})
	}
	return out
}

func request(path, headers string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n"
}

// What a channel says reaches the service, and what is the default does not.
func TestChannelFields(t *testing.T) {
	no := false
	_, addr := start(t, gateway.Config{Invoker: invoker(echo)}, channels(
		host.Channel{Name: "plain", Service: "s", Path: "/plain"},
		host.Channel{
			Name: "full", Service: "s", Path: "/full/x-{id}", DataFormat: host.FormatCSV, MergeParams: &no,
			ParamsPriority: host.MessageOverParams, URLParamsPriority: host.QueryOverPath, Auth: []string{"k"},
		},
		host.Channel{Name: "typed", Service: "s", Path: "/typed", DataFormat: host.FormatJSON, ContentType: "text/html"},
	), gateway.NewDefinitions([]host.AuthDefinition{{Tenant: "t", Name: "k", Type: host.AuthAPIKey, Hash: hash(t, "key")}}))
	for path, want := range map[string][]string{
		"/plain": {"channel-name=plain"},
		"/full/x-7": {
			"principal=k", "security-type=api-key", "security-name=k", "channel-name=full", "data-format=csv", "reply-content-type=text/csv",
			"merge-params=0", "params-priority=msg-over-channel-params", "url-params-priority=qs-over-path", "param.id=7",
		},
		"/typed": {"channel-name=typed", "data-format=json", "reply-content-type=text/html"},
	} {
		var seen struct{ Fields []string }
		if err := json.Unmarshal([]byte(read(t, raw(t, addr, request(path, "X-API-Key: key\r\n"), 1)[0])), &seen); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(seen.Fields, func(f string) bool {
			name, _, _ := strings.Cut(f, "=")
			return slices.Contains([]string{abi.FieldMethod, abi.FieldPath, abi.FieldRoute, abi.FieldHost, abi.FieldRemoteAddr}, name) || strings.HasPrefix(name, abi.PrefixHeader)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestChannelContentType(t *testing.T) {
	reply := func(_ context.Context, c *host.Call) (*host.Reply, error) {
		out := &host.Reply{Body: []byte("x")}
		if c.Service == "own" {
			out.Headers = []abi.Field{{Name: "content-type", Value: "image/png"}}
		}
		return out, nil
	}
	_, addr := start(t, gateway.Config{Invoker: invoker(reply)}, channels(
		host.Channel{Name: "none", Service: "s", Path: "/none"},
		host.Channel{Name: "csv", Service: "s", Path: "/csv", DataFormat: host.FormatCSV},
		host.Channel{Name: "html", Service: "s", Path: "/html", DataFormat: host.FormatCSV, ContentType: "text/html"},
		host.Channel{Name: "own", Service: "own", Path: "/own", ContentType: "text/html"},
	), nil)
	for path, want := range map[string]string{"/none": "application/octet-stream", "/csv": "text/csv", "/html": "text/html", "/own": "image/png"} {
		if got := raw(t, addr, request(path, ""), 1)[0].Header.Get("Content-Type"); got != want {
			t.Errorf("%s: content type %q, want %q", path, got, want)
		}
	}
}

func TestChannelThatIsOff(t *testing.T) {
	bindings := channels(
		host.Channel{Name: "off", Service: "s", Path: "/x/off", Disabled: true, Auth: []string{"k"}},
		host.Channel{Name: "rest", Service: "s", Path: "/x/{any}"},
		host.Channel{Name: "gone", Service: "api.gone", Path: "/gone"},
		host.Channel{Name: "guarded", Service: "api.gone", Path: "/guarded", Auth: []string{"k"}},
	)
	bindings[2].Missing, bindings[3].Missing = true, true
	_, addr := start(t, gateway.Config{Invoker: invoker(ok)}, bindings,
		gateway.NewDefinitions([]host.AuthDefinition{{Tenant: "t", Name: "k", Type: host.AuthAPIKey, Hash: hash(t, "key")}}))
	if got := raw(t, addr, request("/x/on", ""), 1)[0].StatusCode; got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	// A disabled channel does not let another one take its requests.
	wantProblem(t, raw(t, addr, request("/x/off", ""), 1)[0], http.StatusNotFound)
	resp := raw(t, addr, request("/gone", ""), 1)[0]
	if p := wantProblem(t, resp, http.StatusServiceUnavailable); p.Detail != `service "api.gone" is not deployed` || resp.Header.Get("Retry-After") == "" {
		t.Errorf("problem %+v", p)
	}
	// Strangers do not learn which service is missing.
	wantProblem(t, raw(t, addr, request("/guarded", ""), 1)[0], http.StatusUnauthorized)
	wantProblem(t, raw(t, addr, request("/guarded", "X-API-Key: key\r\n"), 1)[0], http.StatusServiceUnavailable)
}

func TestChannelNegotiation(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		return &host.Reply{Body: []byte(c.Service)}, nil
	})}, channels(
		host.Channel{Name: "j", Service: "json", Method: "GET", Path: "/x", Accept: "application/json"},
		host.Channel{Name: "c", Service: "csv", Method: "GET", Path: "/x", Accept: "text/csv"},
		host.Channel{Name: "p", Service: "post", Method: "POST", Path: "/x"},
		host.Channel{Name: "any", Service: "any", Path: "/x", Accept: "text/html"},
	), nil)
	for headers, want := range map[string]string{
		"": "json", "Accept: text/csv\r\n": "csv", "Accept: text/*;q=0.1\r\nAccept: application/json;q=0.2\r\n": "json", "Accept: text/html\r\n": "any",
	} {
		resp := raw(t, addr, request("/x", headers), 1)[0]
		if got := read(t, resp); got != want || resp.Header.Get("Vary") != "Accept" {
			t.Errorf("%q: %q, Vary %q; want %q", headers, got, resp.Header.Get("Vary"), want)
		}
	}
	resp := raw(t, addr, request("/x", "Accept: image/png\r\n"), 1)[0]
	p := wantProblem(t, resp, http.StatusNotAcceptable)
	if p.Detail != "the media types of this path are application/json, text/csv, text/html" || resp.Header.Get("Vary") != "Accept" {
		t.Errorf("problem %+v", p)
	}
	resp = raw(t, addr, "POST /x HTTP/1.1\r\nHost: h\r\nAccept: image/png\r\nContent-Length: 0\r\n\r\n", 1)[0]
	if got := read(t, resp); got != "post" || resp.Header.Get("Vary") != "" {
		t.Errorf("%q, Vary %q", got, resp.Header.Get("Vary"))
	}
}

// Any one of a channel's definitions suffices, and the service sees the
// credentials of none.
func TestChannelAuth(t *testing.T) {
	defs := []host.AuthDefinition{
		{Tenant: "t", Name: "ann", Type: host.AuthBasic, Username: "ann", Hash: hash(t, "a")},
		{Tenant: "t", Name: "bob", Type: host.AuthBasic, Username: "bob", Hash: hash(t, "b")},
		{Tenant: "t", Name: "k1", Type: host.AuthAPIKey, Hash: hash(t, "key1")},
		{Tenant: "t", Name: "k2", Type: host.AuthAPIKey, Header: "X-Two", Hash: hash(t, "key2")},
		{Tenant: "other", Name: "foreign", Type: host.AuthAPIKey, Hash: hash(t, "key3")},
	}
	all := []string{"ann", "bob", "k1", "k2"}
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		for _, secret := range []string{"authorization", "x-api-key", "x-two"} {
			if c.Envelope.Get(abi.PrefixHeader+secret) != "" {
				return nil, host.Errorf(abi.Internal, "the service sees %s", secret)
			}
		}
		return &host.Reply{Body: fmt.Appendf(nil, "%s %s %s", c.Envelope.Get(abi.FieldPrincipal), c.Envelope.Get(abi.FieldSecurityType), c.Envelope.Get(abi.FieldSecurityName))}, nil
	})}, channels(
		host.Channel{Name: "x", Service: "s", Path: "/x", Auth: all},
		host.Channel{Name: "realm", Service: "s", Path: "/realm", Auth: all, Realm: `the "shop"`},
		host.Channel{Name: "foreign", Service: "s", Path: "/foreign", Auth: []string{"k1", "foreign"}},
	), gateway.NewDefinitions(defs))
	for headers, want := range map[string]string{
		basic("ann", "a"):                            "ann basic ann",
		basic("bob", "b"):                            "bob basic bob",
		"X-API-Key: key1\r\n":                        "k1 api-key k1",
		"X-Two: key2\r\n":                            "k2 api-key k2",
		basic("ann", "wrong") + "X-Two: key2\r\n":    "k2 api-key k2",
		basic("bob", "b") + "X-API-Key: key2\r\n":    "bob basic bob",
		basic("ann", "a") + "X-API-Key: key1\r\n":    "ann basic ann",
		basic("ann", "b"):                            "",
		basic("bob", "a"):                            "",
		"X-API-Key: key2\r\n":                        "",
		"X-API-Key: key3\r\n":                        "",
		"":                                           "",
		"X-Two: key1\r\nX-API-Key: key2\r\nA: b\r\n": "",
	} {
		for range 2 { // before and after it is remembered
			resp := raw(t, addr, request("/x", headers), 1)[0]
			if want == "" {
				wantProblem(t, resp, http.StatusUnauthorized)
			} else if got := read(t, resp); got != want {
				t.Errorf("%q: %q, want %q", headers, got, want)
			}
		}
	}
	for path, want := range map[string][]string{
		"/x":     {`Basic realm="ann", charset="UTF-8"`, `Basic realm="bob", charset="UTF-8"`, `ApiKey header="x-api-key"`, `ApiKey header="x-two"`},
		"/realm": {`Basic realm="the \"shop\"", charset="UTF-8"`, `ApiKey realm="the \"shop\"", header="x-api-key"`, `ApiKey realm="the \"shop\"", header="x-two"`},
	} {
		if diff := cmp.Diff(want, raw(t, addr, request(path, ""), 1)[0].Header.Values("WWW-Authenticate")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	// A definition of another tenant is none; one's own still works.
	wantProblem(t, raw(t, addr, request("/foreign", "X-API-Key: key3\r\n"), 1)[0], http.StatusServiceUnavailable)
	if got := read(t, raw(t, addr, request("/foreign", "X-API-Key: key1\r\n"), 1)[0]); got != "k1 api-key k1" {
		t.Errorf("%q", got)
	}
}

// Channels change under load and no request is lost: each is answered by the
// channel as it was or as it is.
func TestChannelsChangeUnderLoad(t *testing.T) {
	g, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		return &host.Reply{Body: []byte(c.Service + " " + c.Envelope.Get(abi.FieldChannelName) + " " + c.Envelope.Get(abi.PrefixParam+"id"))}, nil
	})}, channels(host.Channel{Name: "c0", Service: "s0", Path: "/x-{id}"}), nil)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			c := client(t, 1)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprint(i, "-", n)
				status, body, err := get(c, "http://"+addr+"/x-"+id)
				if err != nil {
					t.Errorf("a request was dropped: %v", err)
					return
				}
				var s, ch int
				if _, err := fmt.Sscanf(body, "s%d c%d "+id, &s, &ch); err != nil || s != ch || status != http.StatusOK {
					t.Errorf("status %d, %q", status, body)
					return
				}
			}
		})
	}
	for i := range 200 {
		c := host.Channel{Name: fmt.Sprint("c", i), Service: fmt.Sprint("s", i), Path: []string{"/x-{id}", "/{pre}-{id}"}[i%2]}
		if err := g.SetBindings(channels(c, host.Channel{Name: "other", Service: "o", Path: "/x-", Accept: "a/b"}), nil); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
	clients.Wait()
}
