package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// defaultKeyHeader carries API keys unless a definition says otherwise.
const defaultKeyHeader = "X-API-Key"

// PutAuth creates or replaces a security definition. Hash must be set, see
// security.HashSecret. An API key's empty Header becomes X-API-Key.
func (c *Catalog) PutAuth(ctx context.Context, a host.AuthDefinition) error {
	if err := checkAuth(&a); err != nil {
		return err
	}
	return c.update(ctx, a.Tenant, func(tx host.Tx) error { return putAuth(tx, a) })
}

func putAuth(tx host.Tx, a host.AuthDefinition) error {
	return put(tx, dataKey(a.Tenant, dataAuth, a.Name), authRecord{Auth: a, Hash: a.Hash})
}

func checkAuth(a *host.AuthDefinition) error {
	if err := host.CheckName("auth", a.Name); err != nil {
		return err
	}
	if a.Hash == "" {
		return host.FieldErrorf("secret", "security definition %q has no password or key; give one", a.Name)
	}
	switch a.Type {
	case host.AuthBasic:
		// RFC 7617: a user-id has no colon; neither part has control characters.
		if a.Username == "" || len(a.Username) > 256 || strings.Contains(a.Username, ":") || hasControl(a.Username) {
			return host.FieldErrorf("username", "username %q: use 1 to 256 bytes without colons and control characters", host.Clip(a.Username))
		}
		if len(a.Realm) > 256 || hasControl(a.Realm) {
			return host.FieldErrorf("realm", "realm %q: use at most 256 bytes without control characters", host.Clip(a.Realm))
		}
	case host.AuthAPIKey:
		if a.Header == "" {
			a.Header = defaultKeyHeader
		}
		if len(a.Header) > 128 || !token.MatchString(a.Header) {
			return host.FieldErrorf("header", "header %q: use the name of an HTTP header such as %s", host.Clip(a.Header), defaultKeyHeader)
		}
	default:
		return host.FieldErrorf("type", "type %q: use %s or %s", host.Clip(string(a.Type)), host.AuthBasic, host.AuthAPIKey)
	}
	return nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7F })
}

func (r authRecord) definition() host.AuthDefinition {
	a := r.Auth
	a.Hash = r.Hash
	return a
}

// Auth returns the named security definition of a tenant, with its hash.
func (c *Catalog) Auth(ctx context.Context, tenant, name string) (host.AuthDefinition, error) {
	var found host.AuthDefinition
	err := c.view(ctx, tenant, func(tx host.Tx) error {
		record, ok, err := get[authRecord](tx, dataKey(tenant, dataAuth, name))
		if err == nil && !ok {
			err = notFound("security definition", name)
		}
		found = record.definition()
		return err
	})
	return found, err
}

// Auths returns the security definitions of a tenant, sorted by name, with
// their hashes.
func (c *Catalog) Auths(ctx context.Context, tenant string) ([]host.AuthDefinition, error) {
	found := []host.AuthDefinition{}
	err := c.view(ctx, tenant, func(tx host.Tx) error {
		return each(tx, kindPrefix(tenant, dataAuth), func(r authRecord) error {
			found = append(found, r.definition())
			return nil
		})
	})
	return found, err
}

// DeleteAuth removes a security definition. Conflict: a route or a channel
// uses it.
func (c *Catalog) DeleteAuth(ctx context.Context, tenant, name string) error {
	return c.update(ctx, tenant, func(tx host.Tx) error { return deleteAuth(tx, tenant, name) })
}

func deleteAuth(tx host.Tx, tenant, name string) error {
	if err := mustExist(tx, tenant, dataAuth, "security definition", name); err != nil {
		return err
	}
	if err := checkUnused(tx, tenant, name); err != nil {
		return fmt.Errorf("looking for what uses it: %w", err)
	}
	return tx.Delete(dataKey(tenant, dataAuth, name))
}

// checkUnused returns a Conflict when a security definition protects something.
func checkUnused(tx host.Tx, tenant, name string) error {
	protects := func(what string) error {
		e := host.Errorf(abi.Conflict, "security definition %q protects %s; change that first", name, what)
		e.Field = "auth"
		return e
	}
	err := each(tx, kindPrefix(tenant, dataService), func(s serviceRecord) error {
		for _, r := range s.Routes {
			if r.Auth == name {
				return protects(fmt.Sprintf("route %s of service %q", Title(r), s.Service.Name))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(tx, kindPrefix(tenant, dataChannel), func(r channelRecord) error {
		if slices.Contains(r.Channel.Auth, name) {
			return protects(fmt.Sprintf("channel %q", r.Channel.Name))
		}
		return nil
	})
}
