package tutorial

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/seraihost/serai/guest-sdk/guesttest"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/egress"
	"github.com/seraihost/serai/host/connector/httpclient"
)

var options = Options{Gateway: "127.0.0.1:17010", Password: "p", PaymentsKey: "k"}

// TestSetups checks the data by the rules of those who will read it.
func TestSetups(t *testing.T) {
	for _, s := range Setups(options) {
		if err := host.CheckTenantName(s.Tenant); err != nil {
			t.Error(err)
		}
		auths := map[string]bool{"": true}
		for _, a := range s.Auths {
			if auths[a.Name] = true; a.Tenant != s.Tenant || a.Secret == "" || host.CheckName("auth", a.Name) != nil {
				t.Errorf("security definition %+v", a)
			}
		}
		connections := map[string]bool{}
		for _, c := range s.Connections {
			connections[c.Name] = c.Tenant == s.Tenant && c.Type == httpclient.Type
			if err := httpclient.Validate(c.Config); err != nil {
				t.Errorf("connection %s: %v", c.Name, err)
			}
			if _, err := egress.ParseNetworks(c.AllowNetworks); err != nil {
				t.Errorf("connection %s: %v", c.Name, err)
			}
			for name := range s.Secrets {
				if c.Name == "Payments" && !bytes.Contains(c.Config, []byte("${secret:"+name+"}")) {
					t.Errorf("connection %s does not use the secret %s", c.Name, name)
				}
			}
		}
		for _, d := range s.Services {
			if len(d.Content) == 0 || host.CheckName("service", d.Name) != nil {
				t.Errorf("service %s has %d bytes", d.Name, len(d.Content))
			}
			for _, r := range d.Settings.Routes {
				if !auths[r.Auth] {
					t.Errorf("service %s: security definition %q does not exist", d.Name, r.Auth)
				}
			}
			for _, name := range d.Settings.Grants.Connections {
				if !connections[name] {
					t.Errorf("service %s: connection %q does not exist", d.Name, name)
				}
			}
		}
	}
	for _, line := range Curl(options) {
		if !strings.Contains(line, "http://127.0.0.1:17010"+Path) {
			t.Error(line)
		}
	}
}

func TestPayments(t *testing.T) {
	s := guesttest.Start(t, paymentsWasm)
	for body, want := range map[string]string{
		`{"ACC_NUM":"123456"}`: `{"ACC_BALANCE":"357.9"}`,
		`{"ACC_NUM":"1"}`:      `{"ACC_BALANCE":"4444.4"}`,
	} {
		r, err := s.Call(body, "method", "POST")
		if err != nil || r.Status != 200 || string(r.Body) != want {
			t.Errorf("%s = %+v, %v; want %s", body, r, err, want)
		}
	}
	for _, body := range []string{"", "{}", "[]", `{"ACC_NUM":5}`} {
		if r, err := s.Call(body, "method", "POST"); err != nil || r.Status != 400 {
			t.Errorf("%q = %+v, %v; want status 400", body, r, err)
		}
	}
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
	if got := guesttest.BuildGo(t, "payments", false); !bytes.Equal(got, paymentsWasm) {
		t.Errorf("building payments.wasm gives %d other bytes; run: go generate ./modules/tutorial", len(got))
	}
}
