package catalog

import (
	"context"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Activate makes a version the running one of its service: an [Edit] of one
// version.
func (c *Catalog) Activate(ctx context.Context, v host.Version) error {
	return c.Edit(ctx, v.Tenant, Edit{Activate: []host.Version{v}})
}

// activate switches one service, whose old routes are out of the table.
func (c *Catalog) activate(tx host.Tx, v host.Version, service serviceRecord, routes []host.Route) error {
	if err := addRoutes(tx, v.Tenant, v.Service, routes); err != nil {
		return err
	}
	service.Routes = routes
	service.Activations++
	service.Service.Running = v.Digest
	service.Service.Updated = c.now()
	if err := c.putVersion(tx, v, service); err != nil {
		return err
	}
	return put(tx, dataKey(v.Tenant, dataService, v.Service), service)
}

func checkVersion(v host.Version) error {
	if err := host.CheckName("service", v.Service); err != nil {
		return err
	}
	if !digestForm.MatchString(v.Digest) {
		return host.FieldErrorf("version", "version %q is no digest", host.Clip(v.Digest))
	}
	return nil
}

// serviceToSwitch returns the service's record, or a new one that it counts.
func (c *Catalog) serviceToSwitch(tx host.Tx, owner host.Tenant, name string) (serviceRecord, error) {
	record, ok, err := get[serviceRecord](tx, dataKey(owner.Name, dataService, name))
	if err != nil || ok {
		return record, err
	}
	if err := leftovers(tx, dataKey(owner.Name, dataVersion, name), name); err != nil {
		return record, err
	}
	count, _, err := get[countRecord](tx, kindPrefix(owner.Name, dataCount))
	if err != nil {
		return record, err
	}
	if most := owner.Quota.Services; count.Services >= most {
		e := host.Errorf(abi.Denied, "tenant %q may have %d services and has %d; delete one or ask the operator for more", owner.Name, most, count.Services)
		e.Field = "quota.services"
		return record, e
	}
	count.Services++
	record.Service = host.Service{Tenant: owner.Name, Name: name, Created: c.now()}
	return record, put(tx, kindPrefix(owner.Name, dataCount), count)
}

// putVersion records v as the one that service now runs.
func (c *Catalog) putVersion(tx host.Tx, v host.Version, service serviceRecord) error {
	key := versionKey(v.Tenant, v.Service, v.Digest)
	old, ok, err := get[versionRecord](tx, key)
	if err != nil {
		return err
	}
	switch {
	case ok:
		v.Created = old.Version.Created
	case v.Created.IsZero():
		v.Created = service.Service.Updated
	}
	return put(tx, key, versionRecord{Version: v, Activated: service.Service.Updated, Order: service.Activations})
}

// Service returns the named service of a tenant.
func (c *Catalog) Service(ctx context.Context, tenant, name string) (host.Service, error) {
	var found serviceRecord
	err := c.view(ctx, tenant, func(tx host.Tx) (err error) {
		found, err = getService(tx, tenant, name)
		return err
	})
	return found.Service, err
}

func getService(tx host.Tx, tenant, name string) (serviceRecord, error) {
	record, ok, err := get[serviceRecord](tx, dataKey(tenant, dataService, name))
	if err == nil && !ok {
		err = notFound("service", name)
	}
	return record, err
}

// Services returns the services of a tenant, sorted by name.
func (c *Catalog) Services(ctx context.Context, tenant string) ([]host.Service, error) {
	found := []host.Service{}
	err := c.view(ctx, tenant, func(tx host.Tx) error {
		return each(tx, kindPrefix(tenant, dataService), func(r serviceRecord) error {
			found = append(found, r.Service)
			return nil
		})
	})
	return found, err
}

// DeleteService removes a service with its versions and routes. It is gone
// when the first transaction commits; its versions follow in bounded ones.
func (c *Catalog) DeleteService(ctx context.Context, tenant, name string) error {
	err := c.update(ctx, tenant, func(tx host.Tx) error { return deleteService(tx, tenant, name) })
	if err != nil {
		return err
	}
	return c.purgeVersions(ctx, tenant, name)
}

// PurgeVersions removes what an [Edit] left of a service that it deleted. It
// does nothing to a service that exists.
func (c *Catalog) PurgeVersions(ctx context.Context, tenant, name string) error {
	return c.purgeVersions(ctx, tenant, name)
}

func deleteService(tx host.Tx, tenant, name string) error {
	record, err := getService(tx, tenant, name)
	if err != nil {
		return err
	}
	return removeService(tx, record)
}

// removeService deletes a service's record and routes and uncounts it.
func removeService(tx host.Tx, record serviceRecord) error {
	if err := removeRoutes(tx, record.Routes); err != nil {
		return err
	}
	tenant := record.Service.Tenant
	count, _, err := get[countRecord](tx, kindPrefix(tenant, dataCount))
	if err != nil {
		return err
	}
	count.Services = max(0, count.Services-1)
	if err := put(tx, kindPrefix(tenant, dataCount), count); err != nil {
		return err
	}
	if err := tx.Delete(dataKey(tenant, dataService, record.Service.Name)); err != nil {
		return fmt.Errorf("deleting service: %w", err)
	}
	return nil
}
