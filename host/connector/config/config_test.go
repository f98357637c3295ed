package config

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

type source map[string]map[string]string

func (s source) Config(_ context.Context, tenant, key string) ([]byte, error) {
	v, ok := s[tenant][key]
	if !ok {
		return nil, host.Errorf(abi.NotFound, "configuration key %q does not exist", key)
	}
	return []byte(v), nil
}

func (s source) ConfigKeys(_ context.Context, tenant, prefix string) ([]string, error) {
	var keys []string
	for k := range s[tenant] {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func TestOps(t *testing.T) {
	reg := connector.NewRegistry(connector.Builtins(Connector(source{
		"a": {"app.x": "1", "app.y": "2", "app.z": "3", "db.url": "u"},
		"b": {"app.x": "other"},
	}))...)
	some := &[]string{"app.*"}
	one := &[]string{"app.x", "app"}
	none := &[]string{}
	for name, c := range map[string]struct {
		grants *[]string
		fields abi.Envelope
		code   abi.Code
		want   string // body, or the fields
	}{
		"get":             {nil, abi.Envelope{{Name: "op", Value: "config.get"}, {Name: "key", Value: "app.x"}}, abi.OK, "1"},
		"get granted":     {some, abi.Envelope{{Name: "op", Value: "config.get"}, {Name: "key", Value: "app.y"}}, abi.OK, "2"},
		"get denied":      {some, abi.Envelope{{Name: "op", Value: "config.get"}, {Name: "key", Value: "db.url"}}, abi.Denied, ""},
		"get none":        {none, abi.Envelope{{Name: "op", Value: "config.get"}, {Name: "key", Value: "app.x"}}, abi.Denied, ""},
		"get missing":     {nil, abi.Envelope{{Name: "op", Value: "config.get"}, {Name: "key", Value: "nope"}}, abi.NotFound, ""},
		"get no key":      {nil, abi.Envelope{{Name: "op", Value: "config.get"}}, abi.Invalid, ""},
		"get long key":    {nil, abi.Envelope{{Name: "op", Value: "config.get"}, {Name: "key", Value: strings.Repeat("k", 600)}}, abi.Invalid, ""},
		"list all":        {nil, abi.Envelope{{Name: "op", Value: "config.list"}}, abi.OK, "key=app.x key=app.y key=app.z key=db.url"},
		"list prefix":     {some, abi.Envelope{{Name: "op", Value: "config.list"}, {Name: "prefix", Value: "app."}}, abi.OK, "key=app.x key=app.y key=app.z"},
		"list exact":      {one, abi.Envelope{{Name: "op", Value: "config.list"}, {Name: "prefix", Value: "app"}}, abi.OK, "key=app.x"},
		"list denied":     {some, abi.Envelope{{Name: "op", Value: "config.list"}}, abi.Denied, ""},
		"list page":       {nil, abi.Envelope{{Name: "op", Value: "config.list"}, {Name: "limit", Value: "2"}}, abi.OK, "key=app.x key=app.y next=app.y"},
		"list last page":  {nil, abi.Envelope{{Name: "op", Value: "config.list"}, {Name: "after", Value: "app.y"}, {Name: "limit", Value: "2"}}, abi.OK, "key=app.z key=db.url"},
		"list bad limit":  {nil, abi.Envelope{{Name: "op", Value: "config.list"}, {Name: "limit", Value: "x"}}, abi.Invalid, ""},
		"list over limit": {nil, abi.Envelope{{Name: "op", Value: "config.list"}, {Name: "limit", Value: "1001"}}, abi.Invalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := reg.Do(t.Context(), &connector.Request{
				Scope:    connector.Scope{Tenant: "a", Grants: host.Grants{Config: c.grants}},
				Envelope: c.fields,
			})
			if host.CodeOf(err) != c.code {
				t.Fatalf("error %v, want code %s", err, c.code)
			}
			if err != nil {
				return
			}
			got := string(r.Body)
			if r.Body == nil {
				var parts []string
				for _, f := range r.Envelope {
					parts = append(parts, f.Name+"="+f.Value)
				}
				got = strings.Join(parts, " ")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
