package seal

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// prefixed is a Key that protects nothing, but tells tenants apart.
type prefixed struct{ tenant string }

func (k prefixed) Seal(plain []byte) []byte { return append([]byte(k.tenant+":"), plain...) }

func (k prefixed) Open(sealed []byte) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte(k.tenant+":"))
	if !ok {
		return nil, errors.New("key material 0xdeadbeef does not fit")
	}
	return plain, nil
}

// gate lets everybody in, or nobody.
type gate struct {
	full   error
	inside int
}

func (g *gate) Enter(context.Context, string, int64) error {
	if g.full == nil {
		g.inside++
	}
	return g.full
}

func (g *gate) Leave(int64) { g.inside-- }

func TestOps(t *testing.T) {
	g := &gate{}
	ops := connector.NewRegistry(connector.Builtins(Connector(Config{
		Key: func(_ context.Context, tenant string) (Key, error) {
			if tenant == "gone" {
				return nil, host.Errorf(abi.NotFound, "no tenant")
			}
			return prefixed{tenant}, nil
		},
		Hash: func(secret string) (string, error) {
			if secret == "" {
				return "", host.FieldErrorf("secret", "empty")
			}
			return "#" + secret, nil
		},
		Verify: func(hash, secret string) (bool, error) { return hash == "#"+secret, nil },
		Gate:   g,
	}))...)
	do := func(op, tenant, body, hash string) (*connector.Result, error) {
		env := abi.Envelope{{Name: "op", Value: op}}
		if hash != "" {
			env.Add("hash", hash)
		}
		return ops.Do(t.Context(), &connector.Request{Scope: connector.Scope{Tenant: tenant}, Envelope: env, Body: []byte(body)})
	}
	sealed, err := do("crypto.encrypt", "a", "text", "")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := do("crypto.decrypt", "a", string(sealed.Body), ""); err != nil || string(plain.Body) != "text" {
		t.Errorf("decrypt: %v, %v", plain, err)
	}
	_, err = do("crypto.decrypt", "b", string(sealed.Body), "")
	if host.CodeOf(err) != abi.Invalid || strings.Contains(host.MessageOf(err), "0x") {
		t.Errorf("another tenant decrypts: %v", err)
	}
	for _, op := range []string{"crypto.encrypt", "crypto.decrypt"} {
		if _, err := do(op, "gone", "x", ""); host.CodeOf(err) != abi.NotFound {
			t.Errorf("%s of a tenant that is gone: %v", op, err)
		}
	}
	hash, err := do("crypto.hash", "a", "pw", "")
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]string{"pw": "1", "PW": "0"} {
		if got, err := do("crypto.verify", "a", secret, string(hash.Body)); err != nil || got.Envelope.Get("verified") != want {
			t.Errorf("verify %s: %v, %v", secret, got, err)
		}
	}
	if _, err := do("crypto.hash", "a", "", ""); host.CodeOf(err) != abi.Invalid {
		t.Errorf("hash of nothing: %v", err)
	}
	if g.inside != 0 {
		t.Errorf("%d are still inside", g.inside)
	}
	g.full = errors.New("full")
	if _, err := do("crypto.hash", "a", "pw", ""); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("hash when too many do: %v", err)
	}
}
