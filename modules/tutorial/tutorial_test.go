package tutorial

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seraihost/serai/guest-sdk/guesttest"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
)

var options = Options{Gateway: "127.0.0.1:17010", Password: "p", Key: "mine", PaymentsKey: "k"}

// TestSetups checks what is embedded; that a host takes it is tested there.
func TestSetups(t *testing.T) {
	setups, err := Setups(options)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range setups {
		services := map[string]bool{}
		for i, service := range s.Document.Services {
			services[service.Name] = true
			if up := s.Uploads[i]; service.Name == "" || len(up.Content) == 0 || up.ContentType == "" {
				t.Errorf("%s: service %q has %d bytes of %q", s.Tenant, service.Name, len(up.Content), up.ContentType)
			}
		}
		for name, c := range s.Document.Channels {
			if !services[c.Service] {
				t.Errorf("%s: channel %s leads to %q", s.Tenant, name, c.Service)
			}
		}
		for _, name := range s.Invoke {
			if !services[name] {
				t.Errorf("%s: there is no service %s to invoke", s.Tenant, name)
			}
		}
	}
	for _, line := range Curl(options) {
		if !strings.Contains(line, "http://127.0.0.1:17010/") {
			t.Error(line)
		}
	}
	if _, err := Setups(Options{}); err == nil {
		t.Error("a document without the gateway's address is no error")
	}
}

func TestWithout(t *testing.T) {
	setups, err := Setups(options)
	if err != nil {
		t.Fatal(err)
	}
	whole := setups[1]
	rest := whole.Without(func(s config.Service, up client.Upload) bool {
		return s.Name == "api.user.get-details" && bytes.Contains(up.Content, []byte("GetUserDetails"))
	})
	if len(rest.Document.Services) != len(whole.Document.Services)-1 || len(rest.Uploads) != len(rest.Document.Services) ||
		len(rest.Document.Channels) != len(whole.Document.Channels) || !slices.Equal(rest.Invoke, whole.Invoke) {
		t.Errorf("%d services are left of %d, with %d uploads", len(rest.Document.Services), len(whole.Document.Services), len(rest.Uploads))
	}
	for i, s := range rest.Document.Services {
		if !strings.HasSuffix(s.Path, "/"+rest.Uploads[i].FileName) {
			t.Errorf("%s has the content of %s", s.Path, rest.Uploads[i].FileName)
		}
	}
}

func TestPayments(t *testing.T) {
	s := guesttest.Start(t, paymentsWasm(t))
	for _, c := range []struct {
		body, user string
		status     int
		want       string
	}{
		{body: `{"ACC_NUM":"123456"}`, status: 200, want: `{"ACC_BALANCE":"357.9"}`},
		{body: `{"ACC_NUM":"1"}`, status: 200, want: `{"ACC_BALANCE":"4444.4"}`},
		{user: "my.user", status: 200, want: `{"ACC_BALANCE":"357.9"}`},
		{user: "jane.roe", status: 200, want: `{"ACC_BALANCE":"1024.0"}`},
		{user: "1", status: 200, want: `{"ACC_BALANCE":"4444.4"}`},
		{status: 400},
		{body: "{}", status: 400},
		{body: "[]", status: 400},
		{body: `{"ACC_NUM":5}`, status: 400},
	} {
		fields := []string{"method", "POST"}
		if c.user != "" {
			fields = append(fields, "query.USER", c.user)
		}
		r, err := s.Call(c.body, fields...)
		if err != nil || r.Status != c.status || c.want != "" && string(r.Body) != c.want {
			t.Errorf("%q of %q = %+v, %v; want %d %s", c.body, c.user, r, err, c.status, c.want)
		}
	}
}

func paymentsWasm(t *testing.T) []byte {
	t.Helper()
	b, err := files.ReadFile("payments/payments.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPaymentsIsReproducible builds payments.wasm again. It can only be the
// same with the same Go.
func TestPaymentsIsReproducible(t *testing.T) {
	version, err := os.ReadFile("payments/toolchain.txt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(version)) != runtime.Version() {
		t.Skipf("payments.wasm was built with %s, this is %s", bytes.TrimSpace(version), runtime.Version())
	}
	if got := guesttest.BuildGo(t, "payments", false); !bytes.Equal(got, paymentsWasm(t)) {
		t.Errorf("building payments.wasm gives %d other bytes; run: go generate ./modules/tutorial", len(got))
	}
}
