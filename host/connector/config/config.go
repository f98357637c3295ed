// Package config lets guests read their tenant's configuration: the
// operations config.get and config.list.
package config

import (
	"context"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// maxKeyBytes bounds a key.
const maxKeyBytes = 512

// Source holds the tenants' configuration; the catalogue is one.
type Source interface {
	// Config returns a key's value, or a NotFound error.
	Config(ctx context.Context, tenant, key string) ([]byte, error)
	// ConfigKeys returns the keys of a tenant that begin with prefix, in order.
	ConfigKeys(ctx context.Context, tenant, prefix string) ([]string, error)
}

// Connector returns the connector of configuration over a source. Guests see
// the keys of their tenant that their grants name.
func Connector(s Source) connector.Connector {
	return connector.DefineBuiltin("config", "Configuration that the tenant set for its services.", s,
		connector.NewOperation(abi.OpConfigGet, "Returns the value of a configuration key.", get),
		connector.NewOperation(abi.OpConfigList, "Lists the configuration keys that begin with a prefix, page by page.", list),
	)
}

type key struct {
	Key string `field:"key" required:"true" doc:"key"`
}

type value struct {
	Body []byte `body:"the value"`
}

func get(ctx context.Context, s Source, r *connector.Request, in key) (out value, err error) {
	if len(in.Key) > maxKeyBytes {
		return out, host.FieldErrorf(abi.FieldKey, "key %q: use 1 to %d bytes", host.Clip(in.Key), maxKeyBytes)
	}
	if err := r.Scope.CheckConfig(in.Key); err != nil {
		return out, err
	}
	if out.Body, err = s.Config(ctx, r.Scope.Tenant, in.Key); err != nil {
		return out, fmt.Errorf("reading configuration: %w", err)
	}
	return out, nil
}

type listing struct {
	Prefix string `field:"prefix" doc:"keys that begin with it; without it all"`
	After  string `field:"after" doc:"keys after it: the next of the page before"`
	Limit  int    `field:"limit" default:"1000" min:"1" max:"1000" doc:"at most so many"`
}

type page struct {
	Keys []string `field:"key" doc:"a key, in order"`
	Next string   `field:"next" doc:"what after is for the next page; absent on the last"`
}

func list(ctx context.Context, s Source, r *connector.Request, in listing) (out page, err error) {
	if err := r.Scope.CheckConfig(in.Prefix); err != nil {
		return out, err
	}
	keys, err := s.ConfigKeys(ctx, r.Scope.Tenant, in.Prefix)
	if err != nil {
		return out, fmt.Errorf("listing configuration: %w", err)
	}
	for _, k := range keys {
		if k <= in.After || r.Scope.CheckConfig(k) != nil {
			continue
		}
		if len(out.Keys) == in.Limit {
			out.Next = out.Keys[in.Limit-1]
			break
		}
		out.Keys = append(out.Keys, k)
	}
	return out, nil
}
