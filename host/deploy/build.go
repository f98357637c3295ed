package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/runtime"
)

// Build is an upload that was built and is not live yet.
type Build struct {
	tenant string
	start  time.Time
	built  *runtime.Built
	offers []runtime.Offer
}

// Build validates an upload and builds its image. Without a name in
// up.Service the upload is all services that it holds, by their own names.
// up.Settings bound its initialisation.
func (d *Deployer) Build(ctx context.Context, up host.Upload) (*Build, error) {
	start := time.Now()
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
	built, err := d.Runtime.Build(ctx, runtime.Source{
		Tenant: up.Tenant, Service: up.Service, FileName: up.FileName, ContentType: up.ContentType,
		Content: up.Content, Settings: up.Settings, Quota: t.Quota, Log: d.log(up),
	})
	if err != nil {
		return nil, err
	}
	b := &Build{tenant: up.Tenant, start: start, built: built, offers: built.Services}
	if up.Service != "" {
		only := runtime.Offer{Name: up.Service}
		if len(built.Services) == 1 {
			only.About = built.Services[0].About
		}
		b.offers = []runtime.Offer{only}
	}
	return b, nil
}

// Services are the names of the services that the upload holds, sorted.
func (b *Build) Services() []string {
	out := make([]string, len(b.offers))
	for i, o := range b.offers {
		out[i] = o.Name
	}
	return out
}

// Versions are the versions that the services become with the same settings.
func (b *Build) Versions(s host.Settings) []host.Version {
	out := make([]host.Version, len(b.offers))
	for i, o := range b.offers {
		out[i] = b.version(o, s)
	}
	return out
}

// Version is the version that one of the services becomes; ok is false for a
// name that is not among them.
func (b *Build) Version(service string, s host.Settings) (v host.Version, ok bool) {
	for _, o := range b.offers {
		if o.Name == service {
			return b.version(o, s), true
		}
	}
	return host.Version{}, false
}

func (b *Build) version(o runtime.Offer, s host.Settings) host.Version {
	return host.Version{
		Tenant: b.tenant, Service: o.Name, Kind: b.built.Kind, Created: b.start.UTC(), Settings: s,
		Source: b.built.Source, Runtime: b.built.Runtime, Image: b.built.Image, Fresh: b.built.Fresh,
		ImageBytes: b.built.ImageBytes, OwnBytes: b.built.OwnBytes, Upload: b.built.Upload, About: o.About,
	}
}

// DeployAll makes all services of an upload live at once. settings returns
// those of a service by its name.
func (d *Deployer) DeployAll(ctx context.Context, up host.Upload, settings func(service string) (host.Settings, error)) ([]host.Receipt, error) {
	b, err := d.Build(ctx, up)
	if err != nil {
		return nil, err
	}
	versions := make([]host.Version, len(b.offers))
	for i, o := range b.offers {
		s, err := settings(o.Name)
		if err != nil {
			return nil, fmt.Errorf("choosing settings: %w", err)
		}
		versions[i] = b.version(o, s)
	}
	all, err := d.Edit(ctx, up.Tenant, catalog.Edit{Activate: versions})
	for i := range all {
		all[i].DeployMS = milliseconds(b.start)
	}
	return all, err
}

func (d *Deployer) activateOne(ctx context.Context, v host.Version) (*host.Receipt, error) {
	start := time.Now()
	all, err := d.Edit(ctx, v.Tenant, catalog.Edit{Activate: []host.Version{v}})
	if err != nil {
		return nil, err
	}
	all[0].DeployMS = milliseconds(start)
	return &all[0], nil
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }
