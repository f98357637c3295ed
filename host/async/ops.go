package async

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/invoke"
)

// freshDelay is how far off a call must be to begin a chain of its own: a job
// that schedules itself goes on for ever, but not faster than this.
const freshDelay = time.Second

// Single implements [invoke.Later].
func (c *Courier) Single(ctx context.Context, s connector.Scope, in invoke.Single) (cid string, err error) {
	m := c.begin(s, in.CID)
	m.Service, m.Body, m.Envelope = in.Service, in.Body, in.Headers
	if m.Callbacks, err = names("callback", in.Callbacks); err != nil {
		return "", err
	}
	if in.Delay > 0 {
		m.NotBefore = m.Sent.Add(in.Delay)
		if in.Delay >= freshDelay {
			m.Depth = 0
		}
	}
	if in.Expires > 0 {
		m.Expires = m.Sent.Add(in.Expires)
	}
	if in.JobName != "" {
		if err := host.CheckName(abi.FieldJobName, in.JobName); err != nil {
			return "", err
		}
		m.Channel = abi.ChannelScheduler
		m.Envelope.Add(abi.FieldJobType, abi.JobOneTime)
		m.Envelope.Add(abi.FieldJobName, in.JobName)
		m.Envelope.Add(abi.FieldJobID, m.CID)
	}
	if in.RetryTimes != nil {
		if len(in.Context) > invoke.MaxContextBytes {
			return "", host.FieldErrorf("context", "the context has %d bytes, at most %d are kept; keep the rest under a key", len(in.Context), invoke.MaxContextBytes)
		}
		n := int(*in.RetryTimes)
		m.Retry = &retry{Left: n, Times: n, Every: in.RetryEvery, Context: in.Context, Origin: s.CID}
	}
	return c.accept(ctx, s, m)
}

// Group implements [invoke.Later].
func (c *Courier) Group(ctx context.Context, s connector.Scope, in invoke.Group) (cid string, err error) {
	m := c.begin(s, in.CID)
	m.Group = &group{}
	if m.Group.Targets, err = targets(in); err != nil {
		return "", err
	}
	if m.Group.OnTarget, err = names("on-target", in.OnTarget); err != nil {
		return "", err
	}
	if m.Group.OnFinal, err = names("on-final", in.OnFinal); err != nil {
		return "", err
	}
	return c.accept(ctx, s, m)
}

// begin returns a message that a scope asks for, with a correlation id of the
// service's choice or a new one.
func (c *Courier) begin(s connector.Scope, cid string) *message {
	m := &message{
		ID: newCID(), Tenant: s.Tenant, From: s.Service, CID: cid, Channel: abi.ChannelAsync, Depth: s.Depth + 1, Sent: c.now(),
	}
	if m.CID == "" {
		m.CID = m.ID
	}
	return m
}

// accept publishes a message.
func (c *Courier) accept(ctx context.Context, s connector.Scope, m *message) (cid string, err error) {
	if err := host.CheckCID(m.CID); err != nil {
		return "", err
	}
	if m.Depth > s.Limits.InvokeDepth {
		return "", host.Errorf(abi.Limit, "services invoke each other more than %d deep", s.Limits.InvokeDepth)
	}
	if err := c.checkServices(ctx, s, m); err != nil {
		return "", err
	}
	m.Trace = host.TraceOf(ctx)
	return m.CID, c.submit(ctx, m)
}

// targets returns the targets of a group.
func targets(in invoke.Group) ([]target, error) {
	if len(in.Services) > invoke.MaxTargets {
		return nil, host.FieldErrorf(abi.FieldService, "a group of %d targets: use 1 to %d", len(in.Services), invoke.MaxTargets)
	}
	if len(in.Types) != len(in.Services) || len(in.Sizes) != len(in.Services) {
		return nil, host.FieldErrorf("size", "a group of %d targets has %d content types and %d sizes; give each of them one", len(in.Services), len(in.Types), len(in.Sizes))
	}
	out, rest := make([]target, 0, len(in.Services)), in.Body
	for i, name := range in.Services {
		if slices.Contains(in.Services[:i], name) {
			return nil, host.FieldErrorf(abi.FieldService, "service %q is in the group twice: outcomes are told apart by their services", host.Clip(name))
		}
		n, err := strconv.Atoi(in.Sizes[i])
		if err != nil || n < 0 || n > len(rest) {
			return nil, host.FieldErrorf("size", "size %q of target %d: %d bytes of the body are left", host.Clip(in.Sizes[i]), i, len(rest))
		}
		t := target{Service: name, Body: rest[:n]}
		if in.Types[i] != "" {
			t.Envelope.Add(abi.PrefixHeader+"content-type", in.Types[i])
		}
		out, rest = append(out, t), rest[n:]
	}
	if len(rest) > 0 {
		return nil, host.FieldErrorf("size", "%d bytes of the body belong to no target", len(rest))
	}
	return out, nil
}

// names returns the services of a field, each once.
func names(field string, services []string) (out []string, err error) {
	for _, one := range services {
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	if len(out) > invoke.MaxCallbacks {
		return nil, host.FieldErrorf(field, "%d callbacks: use at most %d, or one that invokes the others", len(out), invoke.MaxCallbacks)
	}
	return out, nil
}

// checkServices returns an error unless the scope may have all services of m
// called and they exist. A call that names no callback gets the one that its
// service has by convention.
func (c *Courier) checkServices(ctx context.Context, s connector.Scope, m *message) error {
	all := slices.Clone(m.Callbacks)
	if g := m.Group; g != nil {
		for _, t := range g.Targets {
			all = append(all, t.Service)
		}
		all = append(append(all, g.OnTarget...), g.OnFinal...)
	} else {
		all = append(all, m.Service)
	}
	for _, name := range all {
		if err := host.CheckName(abi.FieldService, name); err != nil {
			return err
		}
		if err := s.CheckService(name); err != nil {
			return err
		}
		if _, err := c.Catalog.Service(ctx, s.Tenant, name); err != nil {
			return err
		}
	}
	if len(all) > 1 || m.Group != nil || m.Retry != nil || m.Channel != abi.ChannelAsync {
		return nil
	}
	name := m.From + "-async-callback"
	if host.CheckName(abi.FieldService, name) != nil || s.CheckService(name) != nil {
		return nil
	}
	_, err := c.Catalog.Service(ctx, s.Tenant, name)
	switch host.CodeOf(err) {
	case abi.OK:
		m.Callbacks = []string{name}
		return nil
	case abi.NotFound:
		return nil
	default:
		return err
	}
}
