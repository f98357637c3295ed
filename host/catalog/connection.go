package catalog

import (
	"context"
	"encoding/json"
	"net/netip"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bounds on a connection.
const (
	maxConnectionConfig = 64 << 10 // bytes
	maxAllowNetworks    = 64
)

// PutConnection creates or replaces a connection. Config must be JSON; what
// it means is the connector's to check.
func (c *Catalog) PutConnection(ctx context.Context, conn host.Connection) error {
	if err := checkConnection(conn); err != nil {
		return err
	}
	return c.update(ctx, conn.Tenant, func(tx host.Tx) error { return putConnection(tx, conn) })
}

func putConnection(tx host.Tx, conn host.Connection) error {
	return put(tx, dataKey(conn.Tenant, dataConn, conn.Name), connectionRecord{Connection: conn})
}

func checkConnection(conn host.Connection) error {
	if err := host.CheckName("connection", conn.Name); err != nil {
		return err
	}
	if err := host.CheckName("type", conn.Type); err != nil {
		return err
	}
	if len(conn.Config) > maxConnectionConfig {
		e := host.Errorf(abi.TooLarge, "the connection's configuration has %d bytes; at most %d fit", len(conn.Config), maxConnectionConfig)
		e.Field = "config"
		return e
	}
	if !json.Valid(conn.Config) {
		return host.FieldErrorf("config", "the configuration of connection %q is not JSON", conn.Name)
	}
	if len(conn.AllowNetworks) > maxAllowNetworks {
		return host.FieldErrorf("allow_networks", "%d networks; list at most %d", len(conn.AllowNetworks), maxAllowNetworks)
	}
	for _, network := range conn.AllowNetworks {
		if _, err := netip.ParsePrefix(network); err != nil {
			return host.FieldErrorf("allow_networks", "network %q: use a CIDR prefix such as 10.0.0.0/8", host.Clip(network))
		}
	}
	return nil
}

// Connection returns the named connection of a tenant.
func (c *Catalog) Connection(ctx context.Context, tenant, name string) (host.Connection, error) {
	var found connectionRecord
	err := c.view(ctx, tenant, func(tx host.Tx) (err error) {
		var ok bool
		found, ok, err = get[connectionRecord](tx, dataKey(tenant, dataConn, name))
		if err == nil && !ok {
			err = notFound("connection", name)
		}
		return err
	})
	return found.Connection, err
}

// Connections returns the connections of a tenant, sorted by name.
func (c *Catalog) Connections(ctx context.Context, tenant string) ([]host.Connection, error) {
	found := []host.Connection{}
	err := c.view(ctx, tenant, func(tx host.Tx) error {
		return each(tx, kindPrefix(tenant, dataConn), func(r connectionRecord) error {
			found = append(found, r.Connection)
			return nil
		})
	})
	return found, err
}

// DeleteConnection removes a connection. Services that use it get NotFound.
func (c *Catalog) DeleteConnection(ctx context.Context, tenant, name string) error {
	return c.deleteData(ctx, tenant, dataConn, "connection", name)
}
