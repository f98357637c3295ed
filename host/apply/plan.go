package apply

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/config"
)

// planner compares a document with a state.
type planner struct {
	applier *Applier
	req     *Request
	state   *catalog.State
	built   map[int]upload
	at      map[string]string // services of the document to their paths

	plan     config.Plan
	edit     catalog.Edit
	problems host.FieldErrors
}

// apply decides what changes and, if the document is right, has it done.
func (p *planner) apply(ctx context.Context) (*config.Plan, error) {
	for _, section := range []func(context.Context) error{
		p.config, p.secrets, p.security, p.connections, p.services, p.channels,
	} {
		if err := section(ctx); err != nil {
			return nil, err
		}
	}
	p.references()
	if len(p.problems) > 0 {
		sortProblems(p.problems)
		return nil, p.problems
	}
	p.plan.Applied = !p.req.DryRun
	if !p.plan.Differs() {
		return &p.plan, nil
	}
	p.edit.Since, p.edit.DryRun = p.state, p.req.DryRun
	receipts, err := p.applier.Deployer.Edit(ctx, p.req.Tenant, p.edit)
	if err != nil {
		return nil, p.located(err)
	}
	digests := make(map[string]string, len(receipts))
	for _, r := range receipts {
		digests[r.Service] = r.Version
	}
	for i, c := range p.plan.Changes {
		if digest, ok := digests[c.Name]; ok && c.Kind == config.KindService {
			p.plan.Changes[i].Digest = digest
		}
	}
	return &p.plan, nil
}

// note adds a change to the plan and reports whether it is one.
func (p *planner) note(kind config.Kind, name string, exists bool, differ []config.Field) bool {
	action := config.Unchanged
	switch {
	case !exists:
		action, differ = config.Create, nil
	case len(differ) > 0:
		action = config.Update
	}
	p.plan.Changes = append(p.plan.Changes, config.Change{Kind: kind, Name: name, Action: action, Fields: differ})
	return action != config.Unchanged
}

// prune returns, if that is asked for, the names that the document does not have.
func prune[V, W any](p *planner, kind config.Kind, there map[string]V, wanted map[string]W) (gone []string) {
	if !p.req.Prune {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if _, ok := wanted[name]; !ok {
			gone = append(gone, name)
			p.plan.Changes = append(p.plan.Changes, config.Change{Kind: kind, Name: name, Action: config.Delete})
		}
	}
	return gone
}

func (p *planner) bad(path, format string, args ...any) {
	p.problems = append(p.problems, host.FieldErrorf(path, format, args...))
}

func (p *planner) config(context.Context) error {
	want := p.req.Document.Config
	p.edit.Config = map[string][]byte{}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		old, exists := p.state.Config[key]
		var differ []config.Field
		if !bytes.Equal(old, []byte(want[key])) {
			differ = []config.Field{{Name: "value", Before: host.Clip(string(old)), After: host.Clip(want[key])}}
		}
		if p.note(config.KindConfig, key, exists, differ) {
			p.edit.Config[key] = []byte(want[key])
		}
	}
	p.edit.Delete.Config = prune(p, config.KindConfig, p.state.Config, want)
	return nil
}

// hidden stands for a secret that differs.
const hidden = "(secret)"

func (p *planner) secrets(ctx context.Context) error {
	want := p.req.Document.Secrets
	p.edit.Secrets = map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		s, exists := want[name], p.state.Secrets[name]
		path := config.Path("secrets", name)
		var differ []config.Field
		switch {
		case s.Value == nil && !exists:
			p.unset(path, s.Variable, "the host has no secret of this name")
			continue
		case s.Value == nil:
		case *s.Value == "":
			p.bad(path, "the secret is empty; give it a value")
			continue
		case exists:
			old, err := p.applier.Catalog.Secret(ctx, p.req.Tenant, name)
			if host.CodeOf(err) == abi.NotFound {
				return catalog.ErrChanged
			}
			// One that cannot be read any more is replaced.
			if err != nil || string(old) != *s.Value {
				differ = []config.Field{{Name: "value", Before: hidden, After: hidden}}
			}
		}
		if p.note(config.KindSecret, name, exists, differ) {
			p.edit.Secrets[name] = []byte(*s.Value)
		}
	}
	p.edit.Delete.Secrets = prune(p, config.KindSecret, p.state.Secrets, want)
	return nil
}

// unset notes a secret without a value that the host does not have either.
func (p *planner) unset(path, variable, why string) {
	if variable == "" {
		p.bad(path, "%s; give it a value", why)
		return
	}
	p.bad(path, "the environment variable %s is not set, and %s; set it", host.Clip(variable), why)
}

func (p *planner) channels(ctx context.Context) error {
	want := p.req.Document.Channels
	for _, name := range slices.Sorted(maps.Keys(want)) {
		path := config.Path("channels", name)
		channel, err := catalog.NormalizeChannel(want[name].Channel(p.req.Tenant, name))
		if err == nil && p.applier.CheckChannel != nil {
			err = p.applier.CheckChannel(ctx, channel)
		}
		if err != nil {
			p.invalid(path, fieldsOfChannel, err)
			continue
		}
		old, exists := p.state.Channels[name]
		if p.note(config.KindChannel, name, exists, differences(config.ChannelOf(old), config.ChannelOf(channel))) {
			p.edit.Channels = append(p.edit.Channels, channel)
		}
	}
	p.edit.Delete.Channels = prune(p, config.KindChannel, p.state.Channels, want)
	return nil
}
