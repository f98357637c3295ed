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
	// Channel is the entry's channel, or nil if it is a route of a version.
	Channel *host.Channel
	// Missing says that a channel's service does not exist now.
	Missing bool
}

// Bindings returns the whole routing table, of all tenants, sorted by host,
// shape of the path, method and media type.
func (c *Catalog) Bindings(ctx context.Context) ([]Binding, error) {
	found := []Binding{}
	err := c.store.View(ctx, func(tx host.Tx) error {
		err := each(tx, []byte{areaRoute}, func(r bindingRecord) error {
			b := Binding{Tenant: r.Tenant, Service: r.Service, Route: r.Route}
			if r.Channel != "" {
				b.Channel = &host.Channel{Name: r.Channel}
			}
			found = append(found, b)
			return nil
		})
		for i := range found {
			if err == nil && found[i].Channel != nil {
				err = complete(tx, &found[i])
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading routing table: %w", err)
	}
	return found, nil
}

// complete reads the channel that a binding names.
func complete(tx host.Tx, b *Binding) error {
	channel, err := getChannel(tx, b.Tenant, b.Channel.Name)
	if err != nil {
		return err
	}
	_, err = getService(tx, b.Tenant, channel.Service)
	if b.Missing = host.CodeOf(err) == abi.NotFound; b.Missing {
		err = nil
	}
	b.Channel, b.Service = &channel, channel.Service
	return err
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

// Title returns a route as people write it: "GET host/path", and "as" its
// media type if it has one.
func Title(r host.Route) string {
	method := r.Method
	if method == "" {
		method = AnyMethod
	}
	title := method + " " + r.Host + host.Clip(r.Path)
	if r.Accept != "" {
		title += " as " + r.Accept
	}
	return title
}

func routeKey(r host.Route) []byte {
	key := appendSegment(shapePrefix(r.Host, Shape(r)), r.Method)
	if r.Accept != "" {
		key = appendSegment(key, r.Accept)
	}
	return key
}

// addRoutes puts a service's routes, which are canonical, into the table after
// checking what they refer to.
func addRoutes(tx host.Tx, tenant, service string, routes []host.Route) error {
	for _, r := range routes {
		if r.Auth != "" {
			if err := checkDefinition(tx, tenant, "route "+Title(r), r.Auth); err != nil {
				return err
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

// checkDefinition returns an error unless the security definition exists that
// what refers to.
func checkDefinition(tx host.Tx, tenant, what, name string) error {
	_, err := tx.Get(dataKey(tenant, dataAuth, name))
	switch {
	case errors.Is(err, host.ErrNoKey):
		return host.FieldErrorf("auth", "%s: there is no security definition %q; create it first", what, host.Clip(name))
	case err != nil:
		return fmt.Errorf("reading security definition: %w", err)
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
// with r or, of another tenant, overlaps with it, or as many media types of r's
// method as fit. It names the other service or channel only if it is of the
// same tenant.
func checkFree(tx host.Tx, tenant string, r host.Route) error {
	types := 0
	return each(tx, shapePrefix(r.Host, Shape(r)), func(other bindingRecord) error {
		if other.Tenant != tenant {
			if !Overlap(r, other.Route) {
				return nil
			}
			return taken(host.Errorf(abi.Conflict, "%s is taken; choose another path, method or host", Title(r)))
		}
		if !Conflict(r, other.Route) {
			if other.Route.Method == r.Method {
				types++
			}
			if types == MaxMediaTypes {
				return taken(host.Errorf(abi.Conflict, "%s: the path has %d media types already; at most so many fit", Title(r), types))
			}
			return nil
		}
		by := fmt.Sprintf("service %q", other.Service)
		if other.Channel != "" {
			by = fmt.Sprintf("channel %q", other.Channel)
		}
		return taken(host.Errorf(abi.Conflict, "%s is taken by %s of %s; choose another path, method, host or media type",
			Title(r), Title(other.Route), by))
	})
}

func taken(e *host.Error) error {
	e.Field = "route"
	return e
}
