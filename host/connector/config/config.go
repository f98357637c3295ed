// Package config lets guests read their tenant's configuration: the
// operations config.get and config.list.
package config

import (
	"context"
	"fmt"
	"strconv"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Bounds of listings.
const (
	DefaultLimit = 1000 // keys of a listing that names no limit
	MaxLimit     = 1000 // keys of one listing; they fit an envelope
	maxKeyBytes  = 512
)

// Source holds the tenants' configuration; the catalogue is one.
type Source interface {
	// Config returns a key's value, or a NotFound error.
	Config(ctx context.Context, tenant, key string) ([]byte, error)
	// ConfigKeys returns the keys of a tenant that begin with prefix, in order.
	ConfigKeys(ctx context.Context, tenant, prefix string) ([]string, error)
}

// Ops returns the operations over a source. Guests see the keys of their
// tenant that their grants name.
func Ops(s Source) []connector.Op {
	c := reader{s}
	return []connector.Op{
		{Name: abi.OpConfigGet, Doc: "Returns the value of a configuration key.", Do: c.get},
		{Name: abi.OpConfigList, Doc: "Lists the configuration keys that begin with a prefix.", Do: c.list},
	}
}

type reader struct{ source Source }

func (c reader) get(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	key := r.Envelope.Get(abi.FieldKey)
	if key == "" || len(key) > maxKeyBytes {
		return nil, host.FieldErrorf(abi.FieldKey, "key %q: use 1 to %d bytes", host.Clip(key), maxKeyBytes)
	}
	if err := r.Scope.CheckConfig(key); err != nil {
		return nil, err
	}
	value, err := c.source.Config(ctx, r.Scope.Tenant, key)
	if err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	return &connector.Result{Body: value}, nil
}

func (c reader) list(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	prefix, after := r.Envelope.Get(abi.FieldPrefix), r.Envelope.Get(abi.FieldAfter)
	if err := r.Scope.CheckConfig(prefix); err != nil {
		return nil, err
	}
	limit := DefaultLimit
	if text := r.Envelope.Get(abi.FieldLimit); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxLimit {
			return nil, host.FieldErrorf(abi.FieldLimit, "limit %q: use a number from 1 to %d", host.Clip(text), MaxLimit)
		}
		limit = n
	}
	keys, err := c.source.ConfigKeys(ctx, r.Scope.Tenant, prefix)
	if err != nil {
		return nil, fmt.Errorf("listing configuration: %w", err)
	}
	var env abi.Envelope
	for _, k := range keys {
		if k <= after || r.Scope.CheckConfig(k) != nil {
			continue
		}
		if len(env) == limit {
			env.Add(abi.FieldNext, env[limit-1].Value)
			break
		}
		env.Add(abi.FieldKey, k)
	}
	return &connector.Result{Envelope: env}, nil
}
