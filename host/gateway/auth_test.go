package gateway_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway"
	"github.com/seraihost/serai/host/security"
)

func hash(t testing.TB, secret string) string {
	t.Helper()
	h, err := security.HashSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\r\n"
}

func TestAuth(t *testing.T) {
	defs := []host.AuthDefinition{
		{Tenant: "t", Name: "b", Type: host.AuthBasic, Username: "ann", Realm: `my "realm"`, Hash: hash(t, "pass:word")},
		{Tenant: "t", Name: "k", Type: host.AuthAPIKey, Hash: hash(t, "key")},
		{Tenant: "t", Name: "own", Type: host.AuthAPIKey, Header: "X-Own", Hash: hash(t, "key2")},
		{Tenant: "other", Name: "foreign", Type: host.AuthAPIKey, Hash: hash(t, "key3")},
		{Tenant: "t", Name: "unset", Type: host.AuthAPIKey},
		{Tenant: "t", Name: "odd", Type: "mtls", Hash: hash(t, "key")},
	}
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		var forwarded []string
		for _, f := range c.Envelope.WithPrefix(abi.PrefixHeader) {
			if f.Name != "host" {
				forwarded = append(forwarded, f.Name)
			}
		}
		return &host.Reply{Body: fmt.Appendf(nil, "%s %s", c.Envelope.Get(abi.FieldPrincipal), forwarded)}, nil
	})}, bind(
		host.Route{Path: "/open"}, host.Route{Path: "/b", Auth: "b"}, host.Route{Path: "/k", Auth: "k"}, host.Route{Path: "/own", Auth: "own"},
		host.Route{Path: "/foreign", Auth: "foreign"}, host.Route{Path: "/unset", Auth: "unset"}, host.Route{Path: "/odd", Auth: "odd"}, host.Route{Path: "/missing", Auth: "missing"},
	), gateway.NewDefinitions(defs))
	const challenge = `Basic realm="my \"realm\"", charset="UTF-8"`
	tests := []struct {
		path, headers string
		status        int
		want          string // the body, or the challenge of a 401
	}{
		{"/open", basic("ann", "x") + "X-API-Key: x\r\n", 200, " [authorization x-api-key]"},
		{"/b", basic("ann", "pass:word") + "X-API-Key: x\r\n", 200, "ann [x-api-key]"},
		{"/b", strings.Replace(basic("ann", "pass:word"), "Basic", "bAsIc ", 1), 200, "ann []"},
		{"/b", "", 401, challenge},
		{"/b", basic("ann", "wrong"), 401, challenge},
		{"/b", basic("ann", ""), 401, challenge},
		{"/b", basic("Ann", "pass:word"), 401, challenge},
		{"/b", basic("", "pass:word"), 401, challenge},
		{"/b", "Authorization: Bearer x\r\n", 401, challenge},
		{"/b", "Authorization: Basic !!!\r\n", 401, challenge},
		{"/b", "Authorization: Basic\r\n", 401, challenge},
		{"/b", "Authorization: Basic YW5u\r\n", 401, challenge}, // no colon
		{"/b", basic("ann", strings.Repeat("x", 6000)), 401, challenge},
		{"/b", basic("ann", "pass:word") + basic("ann", "pass:word"), 400, ""},
		{"/k", "X-API-KEY: key\r\n", 200, "k []"},
		{"/k", "X-API-Key:   key  \r\n", 200, "k []"},
		{"/k", "X-API-Key: key\r\nX-API-Key: key\r\n", 401, `ApiKey header="x-api-key"`},
		{"/k", "X-API-Key: Key\r\n", 401, `ApiKey header="x-api-key"`},
		{"/k", "X-API-Key: key2\r\n", 401, `ApiKey header="x-api-key"`},
		{"/k", "X-Api-Key: key\r\nConnection: X-API-Key\r\n", 401, `ApiKey header="x-api-key"`},
		{"/k?x-api-key=key", "", 401, `ApiKey header="x-api-key"`},
		{"/own", "X-Own: key2\r\nAuthorization: Bearer mine\r\n", 200, "own [authorization]"},
		{"/own", "X-API-Key: key2\r\n", 401, `ApiKey header="x-own"`},
		{"/foreign", "X-API-Key: key3\r\n", 503, ""},
		{"/unset", "X-API-Key: \r\n", 503, ""},
		{"/unset", "X-API-Key: x\r\n", 503, ""},
		{"/odd", "X-API-Key: key\r\n", 503, ""},
		{"/missing", "X-API-Key: key\r\n", 503, ""},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			resp := raw(t, addr, "GET "+tt.path+" HTTP/1.1\r\nHost: h\r\n"+tt.headers+"\r\n", 1)[0]
			if tt.status == 200 {
				if got := read(t, resp); resp.StatusCode != 200 || got != tt.want {
					t.Errorf("status %d, %q; want %q", resp.StatusCode, got, tt.want)
				}
				return
			}
			wantProblem(t, resp, tt.status)
			if got := resp.Header.Get("WWW-Authenticate"); tt.status == 401 && got != tt.want {
				t.Errorf("challenge %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAuthWithoutAuthenticatorRefuses(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(ok)}, bind(host.Route{Path: "/", Auth: "b"}), nil)
	wantProblem(t, raw(t, addr, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0], 503)
}

func TestCredentialsAreCheckedBeforeTheBody(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(ok)}, bind(host.Route{Path: "/", Auth: "b"}),
		gateway.NewDefinitions([]host.AuthDefinition{{Tenant: "t", Name: "b", Type: host.AuthBasic, Username: "u", Hash: hash(t, "p")}}))
	// 10 MB are announced and some 9 kB sent; the answer comes all the same.
	resp := raw(t, addr, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n"+strings.Repeat("x", 9000), 1)[0]
	wantProblem(t, resp, 401)
}
