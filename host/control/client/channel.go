package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/seraihost/serai/host"
)

// PutChannel creates or replaces a channel and returns its canonical form.
func (c *Client) PutChannel(ctx context.Context, tenant, name string, v host.Channel) (*host.Channel, error) {
	v.Tenant, v.Name = "", ""
	var out host.Channel
	return &out, c.json(ctx, http.MethodPut, path("tenants", tenant, "channels", name), v, &out)
}

// Channels lists channels.
func (c *Client) Channels(ctx context.Context, tenant string) ([]host.ChannelStatus, error) {
	var out struct{ Channels []host.ChannelStatus }
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

// Parked lists the oldest messages that a channel has put aside.
func (c *Client) Parked(ctx context.Context, tenant, name string, most int) ([]host.ParkedMessage, error) {
	var out struct{ Parked []host.ParkedMessage }
	err := c.json(ctx, http.MethodGet, path("tenants", tenant, "channels", name, "parked")+"?limit="+strconv.Itoa(most), nil, &out)
	return out.Parked, err
}

// RetryParked gives a message that was put aside, or all if id is "", back to
// the channel, and returns how many.
func (c *Client) RetryParked(ctx context.Context, tenant, name, id string) (int, error) {
	return c.settle(ctx, http.MethodPost, path("tenants", tenant, "channels", name, "parked", "retry"), id)
}

// DropParked deletes a message that was put aside, or all if id is "", and
// returns how many.
func (c *Client) DropParked(ctx context.Context, tenant, name, id string) (int, error) {
	return c.settle(ctx, http.MethodDelete, path("tenants", tenant, "channels", name, "parked"), id)
}

func (c *Client) settle(ctx context.Context, method, to, id string) (int, error) {
	if id != "" {
		to += "?id=" + url.QueryEscape(id)
	}
	var out struct{ Messages int }
	err := c.json(ctx, method, to, nil, &out)
	return out.Messages, err
}
