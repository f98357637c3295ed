// Package deploy makes versions live: it validates an upload, builds its
// image, stores both, switches the service atomically and lets the version
// before drain. When a step fails, the version that runs is untouched.
package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
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
	Auth(ctx context.Context, tenant, name string) (host.AuthDefinition, error)
	Activate(ctx context.Context, v host.Version) error
	DeleteService(ctx context.Context, tenant, name string) error
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

// Deploy builds and switches. An error is a *[host.Error]; when the author's
// own code failed, its Detail says where.
func (d *Deployer) Deploy(ctx context.Context, up host.Upload) (*host.Receipt, error) {
	start := time.Now()
	if err := host.CheckName("service", up.Service); err != nil {
		return nil, err
	}
	t, err := d.Catalog.Tenant(ctx, up.Tenant)
	if err != nil {
		return nil, err
	}
	if most := t.Quota.ModuleBytes; int64(len(up.Content)) > int64(most) {
		return nil, &host.Error{
			Code: abi.TooLarge, Field: "module",
			Message: fmt.Sprintf("the upload has %d bytes, the tenant's quota allows %s", len(up.Content), most),
		}
	}
	if err := d.checkAuth(ctx, up); err != nil {
		return nil, err
	}
	built, err := d.Runtime.Build(ctx, runtime.Source{
		Tenant: up.Tenant, Service: up.Service, FileName: up.FileName, ContentType: up.ContentType,
		Content: up.Content, Settings: up.Settings, Quota: t.Quota, Log: d.log(up),
	})
	if err != nil {
		return nil, err
	}
	v := host.Version{
		Tenant: up.Tenant, Service: up.Service, Kind: built.Kind, Created: start.UTC(),
		Settings: up.Settings, Source: built.Source, Runtime: built.Runtime, Image: built.Image,
		Fresh: built.Fresh, ImageBytes: built.ImageBytes, OwnBytes: built.OwnBytes,
	}
	if v.Digest, err = digest(v); err != nil {
		return nil, err
	}
	// The same content and settings again: the version exists, its image too.
	if old, err := d.Catalog.Version(ctx, v.Tenant, v.Service, v.Digest); err == nil {
		v = old
	} else if host.CodeOf(err) != abi.NotFound {
		return nil, err
	}
	return d.activate(ctx, v, start)
}

// checkAuth refuses routes behind a security definition that does not exist.
func (d *Deployer) checkAuth(ctx context.Context, up host.Upload) error {
	for i, r := range up.Settings.Routes {
		if r.Auth == "" {
			continue
		}
		if _, err := d.Catalog.Auth(ctx, up.Tenant, r.Auth); err != nil {
			if host.CodeOf(err) == abi.NotFound {
				return host.FieldErrorf(fmt.Sprintf("routes[%d].auth", i),
					"security definition %q does not exist; create it with: serai auth set", host.Clip(r.Auth))
			}
			return err
		}
	}
	return nil
}

// activate records v as the running version and switches to it.
func (d *Deployer) activate(ctx context.Context, v host.Version, start time.Time) (*host.Receipt, error) {
	p, err := d.Runtime.Load(ctx, v)
	if err != nil {
		return nil, err
	}
	d.activation.Lock()
	err = d.Catalog.Activate(ctx, v)
	if err == nil {
		d.Switcher.Switch(v, p)
	}
	d.activation.Unlock()
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := d.OnChange(ctx); err != nil {
		return nil, fmt.Errorf("switching routes: %w", err)
	}
	return &host.Receipt{
		Service: v.Service, Version: v.Digest, Kind: v.Kind,
		ImageBytes: v.ImageBytes, OwnBytes: v.OwnBytes,
		DeployMS: float64(time.Since(start).Microseconds()) / 1000,
	}, nil
}

// Rollback makes an earlier version the running one, with the settings and
// routes it had: the one whose digest begins with version, or the one that
// ran before if version is "".
func (d *Deployer) Rollback(ctx context.Context, tenant, service, version string) (*host.Receipt, error) {
	start := time.Now()
	if version != "" {
		v, err := d.Catalog.Version(ctx, tenant, service, version)
		if err != nil {
			return nil, err
		}
		return d.activate(ctx, v, start)
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
			return d.activate(ctx, v, start)
		}
	}
	return nil, host.Errorf(abi.Conflict, "service %q has only one version, there is nothing to roll back to", service)
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

// digest names a version by what makes it: content, runtime and settings.
func digest(v host.Version) (string, error) {
	b, err := json.Marshal(struct {
		Tenant, Service string
		Kind            host.Kind
		Source, Runtime string
		Settings        host.Settings
	}{v.Tenant, v.Service, v.Kind, v.Source, v.Runtime, v.Settings})
	if err != nil {
		return "", fmt.Errorf("naming version: %w", err)
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
