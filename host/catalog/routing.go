package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Binding is an entry of the routing table: requests that match Route go to
// the running version of the service. Route is canonical, see [NormalizeRoute].
type Binding struct {
	Tenant  string
	Service string
	Route   host.Route
}

// Bindings returns the whole routing table, of all tenants, sorted by host,
// shape of the path and method.
func (c *Catalog) Bindings(ctx context.Context) ([]Binding, error) {
	found := []Binding{}
	err := c.store.View(ctx, func(tx host.Tx) error {
		return each(tx, []byte{areaRoute}, func(r bindingRecord) error {
			found = append(found, Binding(r))
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading routing table: %w", err)
	}
	return found, nil
}

// normalizeRoutes returns the canonical routes of a version, which must not
// conflict among themselves.
func normalizeRoutes(routes []host.Route) ([]host.Route, error) {
	if len(routes) > MaxRoutes {
		return nil, host.FieldErrorf("route", "the service has %d routes; use at most %d", len(routes), MaxRoutes)
	}
	out := make([]host.Route, 0, len(routes))
	for _, r := range routes {
		r, err := NormalizeRoute(r)
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if Conflict(r, other) {
				return nil, host.FieldErrorf("route", "routes %s and %s of this service take the same requests; keep one", Title(other), Title(r))
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// Title returns a route as people write it: "GET host/path".
func Title(r host.Route) string {
	method := r.Method
	if method == "" {
		method = AnyMethod
	}
	return method + " " + r.Host + host.Clip(r.Path)
}

func routeKey(r host.Route) []byte {
	return appendSegment(shapePrefix(r.Host, Shape(r.Path)), r.Method)
}

// replaceRoutes takes the service's old routes out of the table and puts the
// new ones in, after checking what they refer to. Both lists are canonical.
func replaceRoutes(tx host.Tx, tenant, service string, old, routes []host.Route) error {
	if err := removeRoutes(tx, old); err != nil {
		return err
	}
	for _, r := range routes {
		if r.Auth != "" {
			if _, err := tx.Get(dataKey(tenant, dataAuth, r.Auth)); errors.Is(err, host.ErrNoKey) {
				return host.FieldErrorf("auth", "route %s: there is no security definition %q; create it first", Title(r), host.Clip(r.Auth))
			} else if err != nil {
				return fmt.Errorf("reading security definition: %w", err)
			}
		}
		if err := checkFree(tx, tenant, r); err != nil {
			return err
		}
		if err := put(tx, routeKey(r), bindingRecord{Tenant: tenant, Service: service, Route: r}); err != nil {
			return err
		}
	}
	return nil
}

func removeRoutes(tx host.Tx, routes []host.Route) error {
	for _, r := range routes {
		if err := tx.Delete(routeKey(r)); err != nil {
			return fmt.Errorf("deleting route: %w", err)
		}
	}
	return nil
}

// checkFree returns a Conflict when the table has a route that conflicts
// with r. It names the other service only if it is of the same tenant.
func checkFree(tx host.Tx, tenant string, r host.Route) error {
	return each(tx, shapePrefix(r.Host, Shape(r.Path)), func(other bindingRecord) error {
		if !Conflict(r, other.Route) {
			return nil
		}
		e := host.Errorf(abi.Conflict, "route %s is taken; choose another path, method or host", Title(r))
		if other.Tenant == tenant {
			e = host.Errorf(abi.Conflict, "route %s is taken by %s of service %q; choose another path, method or host",
				Title(r), Title(other.Route), other.Service)
		}
		e.Field = "route"
		return e
	})
}
