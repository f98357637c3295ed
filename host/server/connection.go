package server

import (
	"context"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// checkConnection refuses connections that no connector takes.
func (h *hosted) checkConnection(_ context.Context, c host.Connection) error {
	known, err := h.pool.Validate(c)
	if !known {
		return host.FieldErrorf("type", "connection type %q: use %s", host.Clip(c.Type), h.connectionTypes())
	}
	return err
}

// checkStored refuses connections that no connector takes, and those over
// which a channel that is there could not receive any more.
func (h *hosted) checkStored(ctx context.Context, c host.Connection) error {
	if err := h.checkConnection(ctx, c); err != nil {
		return err
	}
	channels, err := h.catalog.Channels(ctx, c.Tenant)
	if err != nil {
		return err
	}
	for _, over := range channels {
		if over.Connection != c.Name {
			continue
		}
		if err := h.intake.Suits(over, c); err != nil {
			e := host.Errorf(abi.Conflict, "channel %q receives over connection %q: %s; change or delete the channel first", over.Name, c.Name, host.MessageOf(err))
			if e.Field = "config"; over.Type != c.Type {
				e.Field = "type"
			}
			return e
		}
	}
	return nil
}

// checkChannel refuses channels that no connector takes, and those that
// cannot receive over the connection that is there.
func (h *hosted) checkChannel(ctx context.Context, c host.Channel) error {
	if err := h.validateChannel(ctx, c); err != nil || c.Connection == "" {
		return err
	}
	over, err := h.catalog.Connection(ctx, c.Tenant, c.Connection)
	if host.CodeOf(err) == abi.NotFound { // the channel waits for it
		return nil
	}
	if err != nil {
		return err
	}
	return h.intake.Suits(c, over)
}

// validateChannel refuses channels that no connector takes.
func (h *hosted) validateChannel(_ context.Context, c host.Channel) error {
	return h.intake.Validate(c)
}

// connectionTypes lists the types for messages.
func (h *hosted) connectionTypes() string {
	return strings.Join(h.pool.Types(), ", ")
}

// ping asks the system of a connection for a sign of life.
func (h *hosted) ping(ctx context.Context, c host.Connection) error {
	known, err := h.pool.Ping(ctx, c)
	if !known {
		return h.checkConnection(ctx, c)
	}
	return err
}
