package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/seraihost/serai/host"
)

// About describes a host.
type About struct {
	Version  string `json:"version"`
	Engine   string `json:"engine"`
	Runtime  string `json:"runtime,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Gateway  string `json:"gateway,omitempty"`
	Instance string `json:"instance,omitempty"`
}

// Version returns what the host runs. It needs no token.
func (c *Client) Version(ctx context.Context) (*About, error) {
	var out About
	return &out, c.json(ctx, http.MethodGet, path("version"), nil, &out)
}

// TenantToken is a new token of a tenant; it is shown only once.
type TenantToken struct {
	Tenant string `json:"tenant"`
	Token  string `json:"token"`
}

// CreateTenant creates a tenant. quota may be nil, or hold some members of a
// quota as text, such as {"memory": "64MiB"}.
func (c *Client) CreateTenant(ctx context.Context, name string, quota map[string]any) (*TenantToken, error) {
	in := map[string]any{"tenant": name}
	if len(quota) > 0 {
		in["quota"] = quota
	}
	var out TenantToken
	return &out, c.json(ctx, http.MethodPost, path("tenants"), in, &out)
}

// Tenants lists the tenants that the token may see.
func (c *Client) Tenants(ctx context.Context) ([]host.Tenant, error) {
	var out struct{ Tenants []host.Tenant }
	err := c.json(ctx, http.MethodGet, path("tenants"), nil, &out)
	return out.Tenants, err
}

// Tenant returns one tenant.
func (c *Client) Tenant(ctx context.Context, name string) (*host.Tenant, error) {
	var out host.Tenant
	return &out, c.json(ctx, http.MethodGet, path("tenants", name), nil, &out)
}

// SetQuota changes some members of a tenant's quota.
func (c *Client) SetQuota(ctx context.Context, name string, quota map[string]any) (*host.Tenant, error) {
	var out host.Tenant
	return &out, c.json(ctx, http.MethodPatch, path("tenants", name), map[string]any{"quota": quota}, &out)
}

// RotateToken replaces a tenant's token.
func (c *Client) RotateToken(ctx context.Context, name string) (*TenantToken, error) {
	var out TenantToken
	return &out, c.json(ctx, http.MethodPost, path("tenants", name, "token"), nil, &out)
}

// DeleteTenant deletes a tenant and everything that it has.
func (c *Client) DeleteTenant(ctx context.Context, name string) error {
	return c.json(ctx, http.MethodDelete, path("tenants", name), nil, nil)
}

// Auth is a security definition to create; Password or Key is never shown again.
type Auth struct {
	Type     host.AuthType `json:"type"`
	Username string        `json:"username,omitempty"`
	Password string        `json:"password,omitempty"`
	Realm    string        `json:"realm,omitempty"`
	Header   string        `json:"header,omitempty"`
	Key      string        `json:"key,omitempty"`
}

// PutAuth creates or replaces a security definition.
func (c *Client) PutAuth(ctx context.Context, tenant, name string, a Auth) error {
	return c.json(ctx, http.MethodPut, path("tenants", tenant, "auth", name), a, nil)
}

// Auths lists security definitions.
func (c *Client) Auths(ctx context.Context, tenant string) ([]host.AuthDefinition, error) {
	var out struct{ Auth []host.AuthDefinition }
	err := c.json(ctx, http.MethodGet, path("tenants", tenant, "auth"), nil, &out)
	return out.Auth, err
}

// Auth returns one security definition.
func (c *Client) Auth(ctx context.Context, tenant, name string) (*host.AuthDefinition, error) {
	var out host.AuthDefinition
	return &out, c.json(ctx, http.MethodGet, path("tenants", tenant, "auth", name), nil, &out)
}

// DeleteAuth deletes a security definition that no route uses.
func (c *Client) DeleteAuth(ctx context.Context, tenant, name string) error {
	return c.json(ctx, http.MethodDelete, path("tenants", tenant, "auth", name), nil, nil)
}

// Connection is a configured, named use of a connector.
type Connection struct {
	Tenant        string          `json:"tenant,omitempty"`
	Name          string          `json:"name,omitempty"`
	Type          string          `json:"type"`
	Config        json.RawMessage `json:"config"`
	AllowNetworks []string        `json:"allow_networks,omitempty"` // only the operator sets it
}

// PutConnection creates or replaces a connection.
func (c *Client) PutConnection(ctx context.Context, tenant, name string, v Connection) (*Connection, error) {
	v.Tenant, v.Name = "", ""
	var out Connection
	return &out, c.json(ctx, http.MethodPut, path("tenants", tenant, "connections", name), v, &out)
}

// Connections lists connections.
func (c *Client) Connections(ctx context.Context, tenant string) ([]Connection, error) {
	var out struct{ Connections []Connection }
	err := c.json(ctx, http.MethodGet, path("tenants", tenant, "connections"), nil, &out)
	return out.Connections, err
}

// ConnectionState is a connection with what has become of it.
type ConnectionState struct {
	Name string `json:"name"`
	Type string `json:"type"`
	host.ConnectionState
}

// ConnectionStates lists connections with what has become of them.
func (c *Client) ConnectionStates(ctx context.Context, tenant string) ([]ConnectionState, error) {
	var out struct{ Connections []ConnectionState }
	err := c.json(ctx, http.MethodGet, path("tenants", tenant, "connection-states"), nil, &out)
	return out.Connections, err
}

// Connection returns one connection.
func (c *Client) Connection(ctx context.Context, tenant, name string) (*Connection, error) {
	var out Connection
	return &out, c.json(ctx, http.MethodGet, path("tenants", tenant, "connections", name), nil, &out)
}

// DeleteConnection deletes a connection.
func (c *Client) DeleteConnection(ctx context.Context, tenant, name string) error {
	return c.json(ctx, http.MethodDelete, path("tenants", tenant, "connections", name), nil, nil)
}

// Ping asks the system of a connection for a sign of life.
func (c *Client) Ping(ctx context.Context, tenant, name string) error {
	return c.json(ctx, http.MethodPost, path("tenants", tenant, "connections", name, "ping"), nil, nil)
}

// SetConfig sets a configuration value.
func (c *Client) SetConfig(ctx context.Context, tenant, key string, value []byte) error {
	return c.put(ctx, path("tenants", tenant, "config", key), nil, value)
}

// Config returns a configuration value.
func (c *Client) Config(ctx context.Context, tenant, key string) ([]byte, error) {
	return c.get(ctx, path("tenants", tenant, "config", key))
}

// ConfigKeys lists configuration keys.
func (c *Client) ConfigKeys(ctx context.Context, tenant string) ([]string, error) {
	return c.names(ctx, path("tenants", tenant, "config"))
}

// DeleteConfig deletes a configuration value.
func (c *Client) DeleteConfig(ctx context.Context, tenant, key string) error {
	return c.json(ctx, http.MethodDelete, path("tenants", tenant, "config", key), nil, nil)
}

// SetSecret sets a secret, which can never be read back.
func (c *Client) SetSecret(ctx context.Context, tenant, name string, value []byte) error {
	return c.put(ctx, path("tenants", tenant, "secrets", name), nil, value)
}

// SecretNames lists the names of secrets.
func (c *Client) SecretNames(ctx context.Context, tenant string) ([]string, error) {
	return c.names(ctx, path("tenants", tenant, "secrets"))
}

// DeleteSecret deletes a secret.
func (c *Client) DeleteSecret(ctx context.Context, tenant, name string) error {
	return c.json(ctx, http.MethodDelete, path("tenants", tenant, "secrets", name), nil, nil)
}

// SetKey writes a key of the key/value store; a ttl of 0 is forever.
func (c *Client) SetKey(ctx context.Context, tenant, key string, value []byte, ttl time.Duration) error {
	return c.Area("").SetKey(ctx, tenant, key, value, ttl)
}

// Key reads a key of the key/value store.
func (c *Client) Key(ctx context.Context, tenant, key string) ([]byte, error) {
	return c.Area("").Key(ctx, tenant, key)
}

// Keys lists keys after one, at most limit (0: a hundred). next is "" at the end.
func (c *Client) Keys(ctx context.Context, tenant, prefix, after string, limit int) (keys []string, next string, err error) {
	return c.Area("").Keys(ctx, tenant, prefix, after, limit)
}

// DeleteKey deletes a key of the key/value store.
func (c *Client) DeleteKey(ctx context.Context, tenant, key string) error {
	return c.Area("").DeleteKey(ctx, tenant, key)
}

func (c *Client) put(ctx context.Context, path string, q url.Values, value []byte) error {
	return c.into(ctx, call{
		method: http.MethodPut, path: path, query: q, kind: "application/octet-stream", body: bytes.NewReader(value),
	}, nil)
}

func (c *Client) get(ctx context.Context, path string) ([]byte, error) {
	b, _, err := c.bytes(ctx, call{method: http.MethodGet, path: path})
	return b, err
}

func (c *Client) names(ctx context.Context, path string) ([]string, error) {
	var out struct{ Names []string }
	err := c.json(ctx, http.MethodGet, path, nil, &out)
	return out.Names, err
}
