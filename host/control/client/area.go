package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Area is the keys of one area of tenants' key/value stores.
type Area struct {
	client *Client
	name   string
}

// Area returns the keys of an area: "" is the tenant's own, "cache/NAME" what
// a cache holds, "translate" the data dictionary.
func (c *Client) Area(name string) Area { return Area{c, name} }

// SetKey writes a key; a ttl of 0 is forever.
func (a Area) SetKey(ctx context.Context, tenant, key string, value []byte, ttl time.Duration) error {
	q := a.query()
	if ttl > 0 {
		q.Set("ttl", ttl.String())
	}
	return a.client.put(ctx, path("tenants", tenant, "kv", key), q, value)
}

// Key reads a key.
func (a Area) Key(ctx context.Context, tenant, key string) ([]byte, error) {
	b, _, err := a.client.bytes(ctx, call{method: http.MethodGet, path: path("tenants", tenant, "kv", key), query: a.query()})
	return b, err
}

// Keys lists keys after one, at most limit (0: a hundred). next is "" at the end.
func (a Area) Keys(ctx context.Context, tenant, prefix, after string, limit int) (keys []string, next string, err error) {
	q := a.query()
	if prefix != "" {
		q.Set("prefix", prefix)
	}
	if after != "" {
		q.Set("after", after)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	var out struct {
		Keys []string
		Next string
	}
	err = a.client.into(ctx, call{method: http.MethodGet, path: path("tenants", tenant, "kv"), query: q}, &out)
	return out.Keys, out.Next, err
}

// AllKeys lists all keys that begin with prefix.
func (a Area) AllKeys(ctx context.Context, tenant, prefix string) ([]string, error) {
	var all []string
	for after := ""; ; {
		page, next, err := a.Keys(ctx, tenant, prefix, after, 1000)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		after = next
	}
}

// DeleteKey deletes a key.
func (a Area) DeleteKey(ctx context.Context, tenant, key string) error {
	return a.client.into(ctx, call{method: http.MethodDelete, path: path("tenants", tenant, "kv", key), query: a.query()}, nil)
}

func (a Area) query() url.Values {
	q := url.Values{}
	if a.name != "" {
		q.Set("area", a.name)
	}
	return q
}
