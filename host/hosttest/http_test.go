package hosttest_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// httpChecks is a service whose functions are checks of HTTP clients.
//
//go:embed testdata/http_checks.py
var httpChecks string

// remote is a system for the checks.
func remote() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "query": r.URL.Query(), "headers": r.Header, "body": string(body), "length": len(body), "uri": r.RequestURI,
		})
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		w.Header().Set("Content-Type", "text/plain; charset=iso-8859-2")
		w.WriteHeader(code)
		_, _ = w.Write([]byte{0xbf})
	})
	mux.HandleFunc("/bytes/{size}", func(w http.ResponseWriter, r *http.Request) {
		var size int
		_, _ = fmt.Sscan(r.PathValue("size"), &size)
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(bytes.Repeat([]byte{0, 0xff}, size/2))
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
	})
	mux.HandleFunc("/drop", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	})
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1", Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "other", Value: "o1", Path: "/"})
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	})
	mux.HandleFunc("/go/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		http.Redirect(w, r, r.URL.Query().Get("to"), code)
	})
	mux.HandleFunc("/user/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id": %q, "lang": %q, "auth": %q}`, r.PathValue("id"), r.URL.Query().Get("lang"), r.Header.Get("Authorization"))
	})
	return mux
}

// to is a connection to a server of the test.
func to(base string) client.Connection {
	return client.Connection{
		Type: "http", Config: json.RawMessage(fmt.Sprintf(`{"base_url":%q,"retries":{"max":0}}`, base)), AllowNetworks: []string{"127.0.0.0/8"},
	}
}

// TestHTTPClientsOfServices runs the checks of testdata/http_checks.py
// through a host against a real server.
func TestHTTPClientsOfServices(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(remote())
	t.Cleanup(srv.Close)
	elsewhere := httptest.NewServer(remote())
	t.Cleanup(elsewhere.Close)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + nobody.Addr().String()
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	h := hosttest.Start(t, nil)
	connect(t, h, map[string]client.Connection{
		"My CRM": to(srv.URL), "users": to(srv.URL + "/user/{id}"), "dead": to(dead), "ungranted": to(elsewhere.URL),
	})
	s := client.Settings{
		Routes: []host.Route{{Method: "POST", Path: "/check"}},
		Grants: &host.Grants{Connections: []string{"My CRM", "users", "dead"}},
	}
	h.Deploy("checks", hosttest.Python(httpChecks), s)
	call := func(name string) hosttest.Reply {
		body, err := json.Marshal(map[string]string{"check": name, "base": srv.URL, "dead": dead, "elsewhere": elsewhere.URL})
		if err != nil {
			t.Fatal(err)
		}
		return h.Call("POST", "/check", string(body))
	}
	names := strings.Fields(call("").Body)
	if len(names) < 10 {
		t.Fatalf("only %q", names)
	}
	for _, name := range names {
		if r := call(name); r.Status != 200 || r.Body != "ok" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}
