package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/config"
)

// Export returns a tenant as a document. Applied to the tenant it changes
// nothing. Secrets are variables: their values never leave the host.
func (a *Applier) Export(ctx context.Context, tenant string) (*config.Export, error) {
	s, err := a.Catalog.State(ctx, tenant)
	if err != nil {
		return nil, err
	}
	e := &exporter{state: s, base: host.DefaultSettings(s.Tenant.Quota), variables: map[string]bool{}}
	e.out = &config.Export{
		Notes: []string{},
		Document: &config.Document{
			Config: map[string]string{}, Secrets: map[string]config.Secret{}, Security: map[string]config.Security{},
			Connections: map[string]config.Connection{}, Channels: map[string]config.Channel{},
		},
	}
	e.values()
	e.definitions()
	e.services()
	e.uploads()
	return e.out, nil
}

type exporter struct {
	state     *catalog.State
	base      host.Settings
	out       *config.Export
	variables map[string]bool // that are taken
}

func (e *exporter) note(format string, args ...any) {
	e.out.Notes = append(e.out.Notes, fmt.Sprintf(format, args...))
}

// variable returns a secret that is a variable of its own.
func (e *exporter) variable(names ...string) config.Secret {
	name := config.Variable(names...)
	for n := 2; e.variables[name]; n++ {
		name = config.Variable(append(slices.Clone(names), strconv.Itoa(n))...)
	}
	e.variables[name] = true
	return config.Secret{Variable: name}
}

func (e *exporter) values() {
	for _, key := range slices.Sorted(maps.Keys(e.state.Config)) {
		value := e.state.Config[key]
		if !utf8.Valid(value) {
			e.note("the configuration value %q is not text and left out", key)
			continue
		}
		e.out.Document.Config[key] = string(value)
	}
	for _, name := range slices.Sorted(maps.Keys(e.state.Secrets)) {
		e.out.Document.Secrets[name] = e.variable(name)
	}
}

func (e *exporter) definitions() {
	for _, name := range slices.Sorted(maps.Keys(e.state.Auths)) {
		d := e.state.Auths[name]
		secret := e.variable(name, secretKey(d.Type))
		s := config.Security{Type: d.Type, Username: d.Username, Realm: d.Realm}
		if d.Type == host.AuthAPIKey {
			s.Key = &secret
		} else {
			s.Password = &secret
		}
		if d.Header != defaultHeader {
			s.Header = d.Header
		}
		e.out.Document.Security[name] = s
	}
	for name, c := range e.state.Connections {
		e.out.Document.Connections[name] = config.Connection{
			Type: c.Type, AllowNetworks: c.AllowNetworks, Config: json.RawMessage(c.Config),
		}
	}
	for name, c := range e.state.Channels {
		e.out.Document.Channels[name] = config.ChannelOf(c)
	}
}

// services writes the settings of every service.
func (e *exporter) services() {
	for _, name := range slices.Sorted(maps.Keys(e.state.Services)) {
		v := e.state.Services[name]
		e.out.Document.Services = append(e.out.Document.Services, config.Service{Name: name, Settings: e.settings(v)})
		if v.Settings.Debug != host.DebugOff {
			e.note("service %q shows its tracebacks to clients, since serai dev deployed it; an apply ends that", name)
		}
	}
}

// settings are those of a version but for what belongs to its content.
func (e *exporter) settings(v host.Version) config.Settings {
	s := v.Settings
	s.Entry, s.Export = "", ""
	return config.SettingsOf(s, e.base)
}

// origin is what services of one upload have in common.
type origin struct{ source, upload, service, entry, export string }

// uploads writes the items that bring services along.
func (e *exporter) uploads() {
	groups := map[origin][]host.Version{}
	var order []origin
	for _, name := range slices.Sorted(maps.Keys(e.state.Services)) {
		v := e.state.Services[name]
		o := origin{v.Source, v.Upload, "", v.Settings.Entry, v.Settings.Export}
		if v.Upload == "" {
			o.service = name // it was given its name
		}
		if groups[o] == nil {
			order = append(order, o)
		}
		groups[o] = append(groups[o], v)
	}
	e.out.Uploads = make([]config.Upload, 0, len(order))
	for _, o := range order {
		e.out.Uploads = append(e.out.Uploads, e.upload(o, groups[o]))
	}
}

func (e *exporter) upload(o origin, versions []host.Version) config.Upload {
	u := config.Upload{Name: o.upload, Kind: versions[0].Kind}
	if o.service != "" {
		u.Name, u.Entry.Name = o.service, o.service
	}
	first := e.settings(versions[0])
	shared := true
	for _, v := range versions {
		u.Services = append(u.Services, v.Service)
		shared = shared && len(differences(first, e.settings(v))) == 0
	}
	if shared {
		u.Entry.Settings = first
	} else {
		u.Entry.Services = make(map[string]config.Settings, len(versions))
		for _, v := range versions {
			u.Entry.Services[v.Service] = e.settings(v)
		}
	}
	u.Entry.Entry, u.Entry.Export = o.entry, o.export
	return u
}
