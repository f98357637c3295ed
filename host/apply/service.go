package apply

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
)

// services compares the versions that the document asks for with those that run.
func (p *planner) services(context.Context) error {
	base := host.DefaultSettings(p.state.Tenant.Quota)
	base.Debug = p.req.Debug
	want := map[string]host.Version{}
	for i, s := range p.req.Document.Services {
		path := config.Index("services", i)
		if s.Path == "" {
			p.settingsOnly(path, s, base, want)
		} else if u, ok := p.built[i]; ok {
			p.upload(path, s, u, base, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		v := want[name]
		old, exists := p.state.Services[name]
		if p.note(config.KindService, name, exists, versionDifferences(old, v)) {
			v.Digest = ""
			p.edit.Activate = append(p.edit.Activate, v)
			continue
		}
		p.plan.Changes[len(p.plan.Changes)-1].Digest = old.Digest
	}
	p.edit.Delete.Services = prune(p, config.KindService, p.state.Services, want)
	return nil
}

// settingsOnly takes a service that is there with other settings.
func (p *planner) settingsOnly(path string, s config.Service, base host.Settings, want map[string]host.Version) {
	v, ok := p.state.Services[s.Name]
	if !ok {
		p.bad(config.Path(path, "name"), "there is no service %q; give the path of its file or folder", host.Clip(s.Name))
		return
	}
	// These two belong to the content, which stays.
	base.Entry, base.Export = v.Settings.Entry, v.Settings.Export
	v.Settings = s.Resolve(base)
	if int64(v.Settings.Limits.Memory) < v.ImageBytes {
		p.bad(config.Path(path, "memory"), "memory is %s; the service needs %s to start", v.Settings.Limits.Memory, host.Bytes(v.ImageBytes))
		return
	}
	p.want(path, v, want)
}

func (p *planner) upload(path string, s config.Service, u upload, base host.Settings, want map[string]host.Version) {
	for _, name := range u.services {
		at, settings := path, s.Settings
		if own, ok := s.Services[name]; ok {
			at, settings = config.Path(path, "services", name), own.Over(settings)
		}
		if v, ok := u.build.Version(name, settings.Resolve(base)); ok {
			p.want(at, v, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Services)) {
		if !slices.Contains(u.services, name) {
			p.bad(config.Path(path, "services", name), "%s has no service %q; it has %s", s.Path, host.Clip(name), strings.Join(clipped(u.services), ", "))
		}
	}
}

// clipped returns the first names of a long list.
func clipped(names []string) []string {
	const most = 10
	if len(names) > most {
		return append(slices.Clone(names[:most]), "…")
	}
	return names
}

// want adds a version that is to run, unless its settings are wrong.
func (p *planner) want(path string, v host.Version, want map[string]host.Version) {
	if other, twice := p.at[v.Service]; twice {
		p.bad(path, "service %q is that of %s too; rename one, or leave one out", v.Service, other)
		return
	}
	p.at[v.Service] = path
	if err := v.Settings.Check(p.state.Tenant.Quota); err != nil {
		p.invalid(path, fieldsOfSettings, err)
		return
	}
	want[v.Service] = v
}

// view is a version as a plan shows it.
type view struct {
	config.Settings
	Source  string     `json:"source"`
	Runtime string     `json:"runtime,omitempty"`
	Kind    host.Kind  `json:"kind"`
	Upload  string     `json:"upload,omitempty"`
	Debug   host.Debug `json:"debug,omitempty"`
}

// versionDifferences compares what makes a version.
func versionDifferences(old, v host.Version) []config.Field {
	return differences(viewOf(old), viewOf(v))
}

func viewOf(v host.Version) view {
	none := host.Settings{Limits: host.Limits{
		Memory: -1, Timeout: -1, CPU: -1, RequestBytes: -1, ReplyBytes: -1, LogBytes: -1, InFlight: -1, Queue: -1, InvokeDepth: -1,
	}}
	return view{config.SettingsOf(v.Settings, none), v.Source, v.Runtime, v.Kind, v.Upload, v.Settings.Debug}
}
