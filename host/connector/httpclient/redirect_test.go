package httpclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
)

func TestRedirects(t *testing.T) {
	r := newRig(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/back" {
			http.Redirect(w, req, req.URL.Query().Get("to"), http.StatusFound)
			return
		}
		fmt.Fprint(w, "other ", req.Header["Authorization"], req.Header["X-Fixed"], req.Header["Cookie"], req.Header["Referer"], req.Header["X-Mine"])
	}))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/end":
			fmt.Fprint(w, "end ", len(req.Header["Authorization"]), len(req.Header["X-Fixed"]))
		case "/loop":
			http.Redirect(w, req, "/loop", http.StatusFound)
		default:
			w.Header()["Location"] = []string{req.URL.Query().Get("to")}
			w.WriteHeader(http.StatusTemporaryRedirect)
			fmt.Fprint(w, "moved")
		}
	}))
	defer srv.Close()
	name := strings.TrimPrefix(other.URL, "http://")
	config := `,"auth":{"type":"bearer","token":"${secret:P}"},"headers":{"X-Fixed":"${secret:K}"},"redirects":{"max":3%s}`
	r.connect(srv.URL, fmt.Sprintf(config, ""))

	r.ok("200", "end 1 1", "path", "go", "query.to", "/end")
	r.ok("200", "end 1 1", "path", "go", "query.to", srv.URL+"/go?to=end")
	r.ok("200", "end 1 1", "path", "go", "query.to", "http://u:p@"+strings.TrimPrefix(srv.URL, "http://")+"/end#x")
	r.ok("307", "moved", "path", "go", "query.to", "")
	r.ok("307", "moved", "path", "go", "query.to", "/end", "redirects", "0")
	if res, err := r.do(t.Context(), "x", "method", "POST", "path", "go", "query.to", "/end"); err != nil || res.Envelope.Get("status") != "307" {
		t.Errorf("a redirected POST = %v, %v", res, err)
	}
	for to, code := range map[string]abi.Code{
		"/loop":                    abi.Remote,
		"file:///etc/passwd":       abi.Remote,
		"http://":                  abi.Remote,
		"http://[::1":              abi.Remote,
		"//169.254.169.254/latest": abi.Denied,
		other.URL:                  abi.Denied,
		"http://localhost/":        abi.Denied,
	} {
		_, err := r.do(t.Context(), "", "path", "go", "query.to", to)
		refused(t, err, code, "")
	}

	r.connect(srv.URL, fmt.Sprintf(config, `,"allow_hosts":["`+name+`","169.254.169.254","10.0.0.1:81"]`))
	r.client.Invalidate()
	r.ok("200", "other [] [] [] [] [1]", "path", "go", "query.to", other.URL, "header.cookie", "a=b", "header.x-mine", "1")
	r.ok("200", "end 0 0", "path", "go", "query.to", other.URL+"/back?to="+srv.URL+"/end")
	for _, to := range []string{"http://169.254.169.254/latest/meta-data", "http://10.0.0.1:81/"} {
		_, err := r.do(t.Context(), "", "path", "go", "query.to", to) // a name that is allowed does not open its address
		refused(t, err, abi.Denied, "")
	}

	r.connect(srv.URL, `,"redirects":{"follow":false}`)
	r.client.Invalidate()
	r.ok("307", "moved", "path", "go", "query.to", "/end")
}

func TestRedirectToPlain(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, "http://"+req.Host+"/", http.StatusFound)
	}))
	defer srv.Close()
	r.connect(srv.URL, `,"tls":{"insecure_skip_verify":true}`)
	_, err := r.do(t.Context(), "")
	refused(t, err, abi.Denied, "")
}
