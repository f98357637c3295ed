package client

import (
	"context"
	"net/http"

	"github.com/seraihost/serai/host"
)

// PutChannel creates or replaces a channel and returns its canonical form.
func (c *Client) PutChannel(ctx context.Context, tenant, name string, v host.Channel) (*host.Channel, error) {
	v.Tenant, v.Name = "", ""
	var out host.Channel
	return &out, c.json(ctx, http.MethodPut, path("tenants", tenant, "channels", name), v, &out)
}

// Channels lists channels.
func (c *Client) Channels(ctx context.Context, tenant string) ([]host.Channel, error) {
	var out struct{ Channels []host.Channel }
	err := c.json(ctx, http.MethodGet, path("tenants", tenant, "channels"), nil, &out)
	return out.Channels, err
}

// Channel returns one channel.
func (c *Client) Channel(ctx context.Context, tenant, name string) (*host.Channel, error) {
	var out host.Channel
	return &out, c.json(ctx, http.MethodGet, path("tenants", tenant, "channels", name), nil, &out)
}

// DeleteChannel deletes a channel.
func (c *Client) DeleteChannel(ctx context.Context, tenant, name string) error {
	return c.json(ctx, http.MethodDelete, path("tenants", tenant, "channels", name), nil, nil)
}
