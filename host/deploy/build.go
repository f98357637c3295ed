package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
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
	all, err := d.Activate(ctx, up.Tenant, versions, nil)
	for i := range all {
		all[i].DeployMS = milliseconds(b.start)
	}
	return all, err
}

// digest names a version by what makes it: content, runtime and settings.
func digest(v host.Version) (string, error) {
	b, err := json.Marshal(struct {
		Tenant, Service string
		Kind            host.Kind
		Source, Runtime string
		Upload          string `json:",omitempty"`
		Settings        host.Settings
	}{v.Tenant, v.Service, v.Kind, v.Source, v.Runtime, v.Upload, v.Settings})
	if err != nil {
		return "", fmt.Errorf("naming version: %w", err)
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// named gives a version its digest or, if the same content with the same
// settings was deployed before, returns that version, whose image exists.
func (d *Deployer) named(ctx context.Context, v host.Version) (host.Version, error) {
	if v.Digest != "" {
		return v, nil
	}
	var err error
	if v.Digest, err = digest(v); err != nil {
		return v, err
	}
	old, err := d.Catalog.Version(ctx, v.Tenant, v.Service, v.Digest)
	switch {
	case err == nil:
		return old, nil
	case host.CodeOf(err) != abi.NotFound:
		return v, err
	}
	return v, nil
}

// Activate makes versions of one tenant live: it records them in one
// transaction, in which also is done what also does, and switches. When it
// fails nothing has changed. The receipts are in the order of the versions.
func (d *Deployer) Activate(ctx context.Context, tenant string, versions []host.Version, also func(host.Tx) error) ([]host.Receipt, error) {
	programs := make([]runtime.Program, 0, len(versions))
	closeAll := func(err error) error {
		for _, p := range programs {
			err = errors.Join(err, p.Close())
		}
		return err
	}
	for i, v := range versions {
		v, err := d.named(ctx, v)
		if err != nil {
			return nil, closeAll(err)
		}
		p, err := d.Runtime.Load(ctx, v)
		if err != nil {
			return nil, closeAll(err)
		}
		versions[i], programs = v, append(programs, p)
	}
	d.activation.Lock()
	err := d.Catalog.ActivateAll(ctx, tenant, versions, also)
	if err == nil {
		for i, v := range versions {
			d.Switcher.Switch(v, programs[i])
		}
	}
	d.activation.Unlock()
	if err != nil {
		return nil, closeAll(err)
	}
	if err := d.OnChange(ctx); err != nil {
		return nil, fmt.Errorf("switching routes: %w", err)
	}
	out := make([]host.Receipt, len(versions))
	for i, v := range versions {
		out[i] = host.Receipt{Service: v.Service, Version: v.Digest, Kind: v.Kind, ImageBytes: v.ImageBytes, OwnBytes: v.OwnBytes, About: v.About}
	}
	return out, nil
}

func (d *Deployer) activateOne(ctx context.Context, v host.Version) (*host.Receipt, error) {
	start := time.Now()
	all, err := d.Activate(ctx, v.Tenant, []host.Version{v}, nil)
	if err != nil {
		return nil, err
	}
	all[0].DeployMS = milliseconds(start)
	return &all[0], nil
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }
