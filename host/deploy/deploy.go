// Package deploy makes versions live: it validates an upload, builds its
// image, stores both, switches the service atomically and lets the version
// before drain. When a step fails, the version that runs is untouched.
package deploy

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime"
	"github.com/seraihost/serai/host/telemetry"
)

// Catalog is where versions are recorded.
type Catalog interface {
	Tenant(ctx context.Context, name string) (host.Tenant, error)
	Service(ctx context.Context, tenant, name string) (host.Service, error)
	Version(ctx context.Context, tenant, service, digest string) (host.Version, error)
	Versions(ctx context.Context, tenant, service string) ([]host.Version, error)
	// Edit makes changes in one transaction.
	Edit(ctx context.Context, tenant string, e catalog.Edit) error
	DeleteService(ctx context.Context, tenant, name string) error
	// PurgeVersions removes what Edit left of a service that it deleted.
	PurgeVersions(ctx context.Context, tenant, name string) error
}

// Switcher routes calls to versions.
type Switcher interface {
	Switch(v host.Version, p runtime.Program)
	Forget(tenant, service string)
}

// Config says what a [Deployer] works with.
type Config struct {
	Catalog  Catalog
	Runtime  *runtime.Runtime
	Switcher Switcher
	Book     *telemetry.Book
	// OnChange is called once routes have changed, before Deploy returns.
	OnChange func(ctx context.Context) error
}

// Deployer makes versions live. It is safe for concurrent use.
type Deployer struct {
	Config
	// activation orders the switches of all services, so that the catalogue
	// and the dispatcher never disagree about which came last.
	activation sync.Mutex
}

// New returns a deployer.
func New(c Config) *Deployer { return &Deployer{Config: c} }

// Deploy makes the one service of an upload live. An error is a
// *[host.Error]; when the author's own code failed, its Detail says where.
func (d *Deployer) Deploy(ctx context.Context, up host.Upload) (*host.Receipt, error) {
	if err := host.CheckName("service", up.Service); err != nil {
		return nil, err
	}
	b, err := d.Build(ctx, up)
	if err != nil {
		return nil, err
	}
	all, err := d.Edit(ctx, up.Tenant, catalog.Edit{Activate: b.Versions(up.Settings)})
	if err != nil {
		return nil, err
	}
	all[0].DeployMS = milliseconds(b.start)
	return &all[0], nil
}

// Rollback makes an earlier version the running one, with the settings and
// routes it had: the one whose digest begins with version, or the one that
// ran before if version is "".
func (d *Deployer) Rollback(ctx context.Context, tenant, service, version string) (*host.Receipt, error) {
	if version != "" {
		v, err := d.Catalog.Version(ctx, tenant, service, version)
		if err != nil {
			return nil, err
		}
		return d.activateOne(ctx, v)
	}
	s, err := d.Catalog.Service(ctx, tenant, service)
	if err != nil {
		return nil, err
	}
	all, err := d.Catalog.Versions(ctx, tenant, service)
	if err != nil {
		return nil, err
	}
	for _, v := range all { // the last one activated first
		if v.Digest != s.Running {
			return d.activateOne(ctx, v)
		}
	}
	return nil, host.Errorf(abi.Conflict, "service %q has only one version, there is nothing to roll back to", service)
}

// Source returns what the running version of a service was made from, as an
// upload would bring it: Python as a folder.
func (d *Deployer) Source(ctx context.Context, tenant, service string) (host.Upload, error) {
	v, err := d.Catalog.Version(ctx, tenant, service, "")
	if err != nil {
		return host.Upload{}, err
	}
	up := host.Upload{Tenant: tenant, Service: service, FileName: cmp.Or(v.Upload, service), Settings: v.Settings}
	if v.Kind == host.KindPython {
		up.ContentType, up.FileName = host.TypeTar, up.FileName+".tar"
	} else {
		up.ContentType, up.FileName = host.TypeWASM, up.FileName+".wasm"
	}
	if up.Content, err = d.Runtime.Blobs.Get(v.Source); err != nil {
		return host.Upload{}, fmt.Errorf("reading the source of service %q: %w", host.Clip(service), err)
	}
	return up, nil
}

// Delete removes a service with its versions and routes. Calls in progress end.
func (d *Deployer) Delete(ctx context.Context, tenant, service string) error {
	d.activation.Lock()
	err := d.Catalog.DeleteService(ctx, tenant, service)
	if err == nil {
		d.Switcher.Forget(tenant, service)
	}
	d.activation.Unlock()
	if err != nil {
		return err
	}
	return d.OnChange(ctx)
}

// log takes what the service logs while it is initialised.
func (d *Deployer) log(up host.Upload) guest.Log {
	return func(level int, message string) {
		d.Book.Append(telemetry.Record{
			Time: time.Now(), Tenant: up.Tenant, Service: up.Service, Level: level, Message: message,
		})
	}
}
