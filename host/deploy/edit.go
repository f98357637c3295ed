package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/runtime"
)

// Edit makes changes of one tenant in one transaction, and has the services
// that it switches run. When it fails nothing has changed. The receipts are
// those of e.Activate, in its order.
func (d *Deployer) Edit(ctx context.Context, tenant string, e catalog.Edit) ([]host.Receipt, error) {
	versions := make([]host.Version, len(e.Activate))
	for i, v := range e.Activate {
		var err error
		if versions[i], err = d.named(ctx, v); err != nil {
			return nil, err
		}
	}
	e.Activate = versions
	if e.DryRun {
		return receipts(versions), d.Catalog.Edit(ctx, tenant, e)
	}
	programs, err := d.load(ctx, versions)
	if err != nil {
		return nil, err
	}
	d.activation.Lock()
	err = d.Catalog.Edit(ctx, tenant, e)
	if err == nil {
		for i, v := range versions {
			d.Switcher.Switch(v, programs[i])
		}
		for _, name := range e.Delete.Services {
			d.Switcher.Forget(tenant, name)
		}
	}
	d.activation.Unlock()
	if err != nil {
		return nil, closeAll(programs, err)
	}
	if err := d.OnChange(ctx); err != nil {
		return nil, fmt.Errorf("switching routes: %w", err)
	}
	for _, name := range e.Delete.Services {
		if err := d.Catalog.PurgeVersions(ctx, tenant, name); err != nil {
			return nil, fmt.Errorf("removing versions: %w", err)
		}
	}
	return receipts(versions), nil
}

// load makes the programs of all versions ready, or none.
func (d *Deployer) load(ctx context.Context, versions []host.Version) ([]runtime.Program, error) {
	programs := make([]runtime.Program, 0, len(versions))
	for _, v := range versions {
		p, err := d.Runtime.Load(ctx, v)
		if err != nil {
			return nil, closeAll(programs, err)
		}
		programs = append(programs, p)
	}
	return programs, nil
}

func closeAll(programs []runtime.Program, err error) error {
	for _, p := range programs {
		err = errors.Join(err, p.Close())
	}
	return err
}

func receipts(versions []host.Version) []host.Receipt {
	out := make([]host.Receipt, len(versions))
	for i, v := range versions {
		out[i] = host.Receipt{Service: v.Service, Version: v.Digest, Kind: v.Kind, ImageBytes: v.ImageBytes, OwnBytes: v.OwnBytes, About: v.About}
	}
	return out
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
