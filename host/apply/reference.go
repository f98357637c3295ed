package apply

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
)

// references finds what the document refers to and is not there afterwards.
func (p *planner) references() {
	doc := p.req.Document
	security := after(p, p.state.Auths, doc.Security)
	connections := after(p, p.state.Connections, doc.Connections)
	secrets := after(p, p.state.Secrets, doc.Secrets)
	services := after(p, p.state.Services, p.at)
	for name, c := range doc.Channels {
		path := config.Path("channels", name)
		if !services[c.Service] && p.complete() {
			p.bad(config.Path(path, "service"), "there is no service %q", host.Clip(c.Service))
		}
		if c.Connection != "" && !connections[c.Connection] {
			p.bad(config.Path(path, "connection"), "there is no connection %q", host.Clip(c.Connection))
		}
		for i, definition := range c.Security {
			if !security[definition] {
				p.bad(config.Index(config.Path(path, "security"), i), "there is no security definition %q", host.Clip(definition))
			}
		}
	}
	p.receiving()
	for name, c := range doc.Connections {
		var settings any
		if json.Unmarshal(c.Config, &settings) == nil {
			p.secretsOf(config.Path("connections", name), settings, secrets)
		}
	}
	for i, s := range doc.Services {
		path := config.Index("services", i)
		p.settings(path, s.Settings, security, connections)
		for name, settings := range s.Services {
			p.settings(config.Path(path, "services", name), settings, security, connections)
		}
	}
}

// receiving checks channels with the connections that they are to receive
// over: those of the document, and others whose connection it changes.
func (p *planner) receiving() {
	doc := p.req.Document
	if p.applier.Suits == nil {
		return
	}
	suits := func(c host.Channel) error {
		over, there := p.state.Connections[c.Connection]
		if v, named := doc.Connections[c.Connection]; named {
			over, there = host.Connection{Name: c.Connection, Type: v.Type, Config: v.Config}, true
		}
		if !there { // which is said already
			return nil
		}
		return p.applier.Suits(c, over)
	}
	for name, c := range doc.Channels {
		if err := suits(c.Channel(p.req.Tenant, name)); err != nil {
			p.invalid(config.Path("channels", name), fieldsOfChannel, err)
		}
	}
	for name, c := range p.state.Channels {
		_, named := doc.Channels[name]
		if _, changes := doc.Connections[c.Connection]; named || !changes || p.req.Prune {
			continue
		}
		if err := suits(c); err != nil {
			p.bad(config.Path("connections", c.Connection), "channel %q receives over it: %s; have the document change the channel too, or delete that first", name, host.MessageOf(err))
		}
	}
}

// complete reports whether all uploads were built, so that their services are known.
func (p *planner) complete() bool { return len(p.built) == len(p.req.Uploads) }

// after returns the names that are there when the document is applied.
func after[V, W any](p *planner, there map[string]V, wanted map[string]W) map[string]bool {
	out := make(map[string]bool, len(wanted))
	for name := range wanted {
		out[name] = true
	}
	if !p.req.Prune {
		for name := range there {
			out[name] = true
		}
	}
	return out
}

// settings checks what the settings of a service name.
func (p *planner) settings(path string, s config.Settings, security, connections map[string]bool) {
	for i, r := range s.Routes {
		if r.Auth != "" && !security[r.Auth] {
			p.bad(config.Path(config.Index(config.Path(path, "routes"), i), "auth"), "there is no security definition %q", host.Clip(r.Auth))
		}
	}
	if s.Grants == nil {
		return
	}
	for i, name := range s.Grants.Connections {
		if !connections[name] && !strings.HasSuffix(name, "*") {
			p.bad(config.Index(config.Path(path, "grants", "connections"), i), "there is no connection %q", host.Clip(name))
		}
	}
}

var secretReference = regexp.MustCompile(`\$\{secret:([^{}]*)\}`)

// secretsOf finds the secrets that a connection's configuration names.
func (p *planner) secretsOf(path string, v any, there map[string]bool) {
	switch x := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(x)) {
			p.secretsOf(config.Path(path, key), x[key], there)
		}
	case []any:
		for i, item := range x {
			p.secretsOf(config.Index(path, i), item, there)
		}
	case string:
		for _, m := range secretReference.FindAllStringSubmatch(x, -1) {
			if !there[m[1]] {
				p.bad(path, "there is no secret %q; add it to secrets, or run: serai secret set", host.Clip(m[1]))
			}
		}
	}
}
