package server

import (
	"context"
	"strings"

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

// checkChannel refuses channels that no connector takes.
func (h *hosted) checkChannel(_ context.Context, c host.Channel) error { return h.intake.Validate(c) }

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
