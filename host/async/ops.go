package async

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Bounds on what a service may ask for.
const (
	maxCallbacks    = 16
	maxTargets      = 256
	maxRetries      = 1000
	maxContextBytes = 16 << 10
	horizon         = 366 * 24 * time.Hour
)

// freshDelay is how far off a call must be to begin a chain of its own: a job
// that schedules itself goes on for ever, but not faster than this.
const freshDelay = time.Second

// Ops returns the operations by which services have services called without
// waiting. They return once the call is durable.
func (c *Courier) Ops() []connector.Op {
	return []connector.Op{
		{
			Name: abi.OpInvokeAsync,
			Doc:  "Calls a service of the same tenant without waiting; the call survives a restart of the host and is made at least once.",
			Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
				return c.accept(ctx, r, single)
			},
		},
		{
			Name: abi.OpInvokeGroup,
			Doc:  "Calls several services of the same tenant without waiting, and others when each and when all of them have answered.",
			Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
				return c.accept(ctx, r, several)
			},
		},
	}
}

// accept publishes the message that a request asks for.
func (c *Courier) accept(ctx context.Context, r *connector.Request, fill func(*connector.Request, *message) error) (*connector.Result, error) {
	now := c.now()
	m := &message{
		ID: newCID(), Tenant: r.Scope.Tenant, From: r.Scope.Service, CID: r.Envelope.Get(abi.FieldCID), Channel: abi.ChannelAsync,
		Depth: r.Scope.Depth + 1, Sent: now,
	}
	if m.CID == "" {
		m.CID = m.ID
	}
	if err := host.CheckCID(m.CID); err != nil {
		return nil, err
	}
	if err := fill(r, m); err != nil {
		return nil, err
	}
	if m.Depth > r.Scope.Limits.InvokeDepth {
		return nil, host.Errorf(abi.Limit, "services invoke each other more than %d deep", r.Scope.Limits.InvokeDepth)
	}
	if err := c.checkServices(ctx, r.Scope, m); err != nil {
		return nil, err
	}
	if err := c.submit(ctx, m); err != nil {
		return nil, err
	}
	res := &connector.Result{}
	res.Envelope.Add(abi.FieldCID, m.CID)
	return res, nil
}

// single reads a request of OpInvokeAsync.
func single(r *connector.Request, m *message) error {
	e := r.Envelope
	m.Service, m.Body, m.Envelope = e.Get(abi.FieldService), r.Body, passed(e)
	var err error
	if m.Callbacks, err = names(e, abi.FieldCallback); err != nil {
		return err
	}
	if delay, err := milliseconds(e, abi.FieldDelay); err != nil {
		return err
	} else if delay > 0 {
		m.NotBefore = m.Sent.Add(delay)
		if delay >= freshDelay {
			m.Depth = 0
		}
	}
	if life, err := milliseconds(e, abi.FieldExpires); err != nil {
		return err
	} else if life > 0 {
		m.Expires = m.Sent.Add(life)
	}
	if name, ok := e.Lookup(abi.FieldJobName); ok {
		if err := host.CheckName(abi.FieldJobName, name); err != nil {
			return err
		}
		m.Channel = abi.ChannelScheduler
		m.Envelope.Add(abi.FieldJobType, abi.JobOneTime)
		m.Envelope.Add(abi.FieldJobName, name)
		m.Envelope.Add(abi.FieldJobID, m.CID)
	}
	if m.Retry, err = retryOf(e); m.Retry != nil {
		m.Retry.Origin = r.Scope.CID
	}
	return err
}

func retryOf(e abi.Envelope) (*retry, error) {
	text, ok := e.Lookup(abi.FieldRetryTimes)
	if !ok {
		return nil, nil //nolint:nilnil // no retries
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxRetries {
		return nil, host.FieldErrorf(abi.FieldRetryTimes, "repeats %q: use a number from 0 to %d", host.Clip(text), maxRetries)
	}
	every, err := milliseconds(e, abi.FieldRetryEvery)
	if err != nil {
		return nil, err
	}
	context := e.Get(abi.FieldContext)
	switch {
	case len(context) > maxContextBytes:
		return nil, host.FieldErrorf(abi.FieldContext, "the context has %d bytes, at most %d are kept; keep the rest under a key", len(context), maxContextBytes)
	case context != "" && !json.Valid([]byte(context)):
		return nil, host.FieldErrorf(abi.FieldContext, "the context is no JSON")
	}
	return &retry{Left: n, Times: n, Every: every, Context: json.RawMessage(context)}, nil
}

// several reads a request of OpInvokeGroup.
func several(r *connector.Request, m *message) error {
	var services, types, sizes []string
	for _, f := range r.Envelope {
		switch f.Name {
		case abi.FieldService:
			services = append(services, f.Value)
		case abi.FieldTargetType:
			types = append(types, f.Value)
		case abi.FieldSize:
			sizes = append(sizes, f.Value)
		}
	}
	if len(services) == 0 || len(services) > maxTargets {
		return host.FieldErrorf(abi.FieldService, "a group of %d targets: use 1 to %d", len(services), maxTargets)
	}
	if len(types) != len(services) || len(sizes) != len(services) {
		return host.FieldErrorf(abi.FieldSize, "a group of %d targets has %d content types and %d sizes; give each of them one", len(services), len(types), len(sizes))
	}
	g, rest := &group{}, r.Body
	for i, name := range services {
		if slices.Contains(services[:i], name) {
			return host.FieldErrorf(abi.FieldService, "service %q is in the group twice: outcomes are told apart by their services", host.Clip(name))
		}
		n, err := strconv.Atoi(sizes[i])
		if err != nil || n < 0 || n > len(rest) {
			return host.FieldErrorf(abi.FieldSize, "size %q of target %d: %d bytes of the body are left", host.Clip(sizes[i]), i, len(rest))
		}
		t := target{Service: name, Body: rest[:n]}
		if types[i] != "" {
			t.Envelope.Add(abi.PrefixHeader+"content-type", types[i])
		}
		g.Targets, rest = append(g.Targets, t), rest[n:]
	}
	if len(rest) > 0 {
		return host.FieldErrorf(abi.FieldSize, "%d bytes of the body belong to no target", len(rest))
	}
	var err error
	if g.OnTarget, err = names(r.Envelope, abi.FieldOnTarget); err != nil {
		return err
	}
	g.OnFinal, err = names(r.Envelope, abi.FieldOnFinal)
	m.Group = g
	return err
}

// passed returns the fields that the called service gets as they are.
func passed(e abi.Envelope) (out abi.Envelope) {
	for _, f := range e {
		if strings.HasPrefix(f.Name, abi.PrefixHeader) {
			out = append(out, f)
		}
	}
	return out
}

// names returns the services that the field names, each once.
func names(e abi.Envelope, field string) (out []string, err error) {
	seen := map[string]bool{}
	for _, f := range e {
		if f.Name == field && !seen[f.Value] {
			seen[f.Value] = true
			out = append(out, f.Value)
		}
	}
	if len(out) > maxCallbacks {
		return nil, host.FieldErrorf(field, "%d callbacks: use at most %d, or one that invokes the others", len(out), maxCallbacks)
	}
	return out, nil
}

func milliseconds(e abi.Envelope, field string) (time.Duration, error) {
	text, ok := e.Lookup(field)
	if !ok {
		return 0, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 || ms > horizon.Milliseconds() {
		return 0, host.FieldErrorf(field, "%s of %q milliseconds: use a number from 0 to %d, which is a year", field, host.Clip(text), horizon.Milliseconds())
	}
	return time.Duration(ms) * time.Millisecond, nil
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
