package apply

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/security"
)

// invalid notes an error about an item of the document.
func (p *planner) invalid(path string, names fields, err error) {
	e, ok := errors.AsType[*host.Error](err)
	if !ok {
		e = &host.Error{Code: abi.Internal, Message: host.MessageOf(err), Err: err}
	}
	p.problems = append(p.problems, below(path, names, e))
}

// definition is a security definition as a plan shows it.
type definition struct {
	Type     host.AuthType `json:"type"`
	Username string        `json:"username,omitempty"`
	Realm    string        `json:"realm,omitempty"`
	Header   string        `json:"header,omitempty"`
}

func shown(d host.AuthDefinition) definition {
	return definition{d.Type, d.Username, d.Realm, d.Header}
}

// defaultHeader carries API keys unless a definition says otherwise.
const defaultHeader = "X-API-Key"

func (p *planner) security(context.Context) error {
	want := p.req.Document.Security
	for _, name := range slices.Sorted(maps.Keys(want)) {
		s := want[name]
		old, exists := p.state.Auths[name]
		d := host.AuthDefinition{
			Tenant: p.req.Tenant, Name: name, Type: s.Type, Username: s.Username, Realm: s.Realm, Header: s.Header,
		}
		if d.Type == host.AuthAPIKey && d.Header == "" {
			d.Header = defaultHeader
		}
		hash, ok := p.hash(config.Path("security", name), s, old)
		if !ok {
			continue
		}
		d.Hash = hash
		differ := differences(shown(old), shown(d))
		if exists && hash != old.Hash {
			differ = append(differ, config.Field{Name: secretKey(s.Type), Before: hidden, After: hidden})
		}
		if p.note(config.KindSecurity, name, exists, differ) {
			p.edit.Auths = append(p.edit.Auths, d)
		}
	}
	p.edit.Delete.Auths = prune(p, config.KindSecurity, p.state.Auths, want)
	return nil
}

// secretKey is the key of a definition's password or key.
func secretKey(t host.AuthType) string {
	if t == host.AuthAPIKey {
		return "key"
	}
	return "password"
}

// hash returns the hash of a definition's password or key: the one that is
// there if the document gives no other one. A password that did not change is
// verified and not hashed anew, which would look like a change.
func (p *planner) hash(path string, s config.Security, old host.AuthDefinition) (string, bool) {
	key := secretKey(s.Type)
	at := config.Path(path, key)
	secret := s.Secret()
	switch {
	case secret != nil && secret.Value != nil:
	case old.Hash != "" && old.Type == s.Type:
		return old.Hash, true
	case secret == nil:
		p.bad(path, "%s is missing: the host has none of this definition yet", key)
		return "", false
	default:
		p.unset(at, secret.Variable, "the host has no "+key+" of this definition")
		return "", false
	}
	value := *secret.Value
	if strings.ContainsAny(value, "\r\n\x00") {
		p.bad(at, "the %s has a line end; use one line", key)
		return "", false
	}
	if old.Hash != "" && old.Type == s.Type && security.VerifySecret(old.Hash, value) {
		return old.Hash, true
	}
	hash, err := security.HashSecret(value)
	if err != nil {
		p.invalid(at, fieldsOfSecurity, err)
		return "", false
	}
	return hash, true
}

func (p *planner) connections(ctx context.Context) error {
	want := p.req.Document.Connections
	for _, name := range slices.Sorted(maps.Keys(want)) {
		path := config.Path("connections", name)
		old, exists := p.state.Connections[name]
		c, ok := p.connection(path, name, want[name])
		if !ok {
			continue
		}
		if p.applier.CheckConnection != nil {
			if err := p.applier.CheckConnection(ctx, c); err != nil {
				p.invalid(path, fieldsOfConnection, err)
				continue
			}
		}
		if p.note(config.KindConnection, name, exists, differences(connectionView(old), connectionView(c))) {
			p.edit.Connections = append(p.edit.Connections, c)
		}
	}
	p.edit.Delete.Connections = prune(p, config.KindConnection, p.state.Connections, want)
	return nil
}

// connectionView is a connection as a document has it: the configuration
// beside the type.
func connectionView(c host.Connection) map[string]any {
	view := map[string]any{}
	if json.Unmarshal(c.Config, &view) != nil || view == nil {
		view = map[string]any{}
	}
	if c.Type != "" {
		view["type"] = c.Type
	}
	if len(c.AllowNetworks) > 0 {
		view["allow_networks"] = c.AllowNetworks
	}
	return view
}

// connection returns what the host keeps of a connection. Only the operator
// adds or changes what it may reach besides public networks.
func (p *planner) connection(path, name string, want config.Connection) (host.Connection, bool) {
	c := host.Connection{Tenant: p.req.Tenant, Name: name, Type: want.Type, Config: want.Config}
	if len(c.Config) == 0 {
		c.Config = json.RawMessage("{}")
	}
	ok := true
	for i, text := range want.AllowNetworks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			p.bad(config.Index(config.Path(path, "allow_networks"), i), "%q: use a network such as 127.0.0.0/8 or 10.1.2.3/32", host.Clip(text))
			ok = false
			continue
		}
		c.AllowNetworks = append(c.AllowNetworks, network.Masked().String())
	}
	old := p.state.Connections[name]
	if ok && len(c.AllowNetworks) > 0 && !p.req.Operator && len(differences(connectionView(old), connectionView(c))) > 0 {
		e := host.Errorf(abi.Denied, "only the operator may let a connection reach private networks, and change one that does")
		e.Field = config.Path(path, "allow_networks")
		p.problems = append(p.problems, e)
		ok = false
	}
	return c, ok
}
