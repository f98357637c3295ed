package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

const digestPrefix = "sha256:"

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	// partForm is what one may type for a digest.
	partForm = regexp.MustCompile(`^[0-9a-f]{4,64}$`)
)

// Version returns a version of a service. digest is a whole digest, the
// first four or more hexadecimal digits of one with or without "sha256:",
// or "" for the running version. Errors: NotFound, and Invalid on field
// "version" when the digits are malformed or fit several versions.
func (c *Catalog) Version(ctx context.Context, tenant, service, digest string) (host.Version, error) {
	var found host.Version
	err := c.view(ctx, tenant, func(tx host.Tx) error {
		record, err := getService(tx, tenant, service)
		if err != nil {
			return err
		}
		if digest == "" {
			digest = record.Service.Running
		}
		found, err = findVersion(tx, tenant, service, digest)
		return err
	})
	return found, err
}

func findVersion(tx host.Tx, tenant, service, digest string) (host.Version, error) {
	digits := strings.TrimPrefix(digest, digestPrefix)
	if !partForm.MatchString(digits) {
		return host.Version{}, host.FieldErrorf("version", "version %q: use the first 4 or more hexadecimal digits of its digest", host.Clip(digest))
	}
	var found []host.Version
	err := each(tx, versionKey(tenant, service, digestPrefix+digits), func(r versionRecord) error {
		found = append(found, r.Version)
		if len(found) > 1 {
			return host.FieldErrorf("version", "version %q fits several versions; use more digits", host.Clip(digest))
		}
		return nil
	})
	switch {
	case err != nil:
		return host.Version{}, err
	case len(found) == 0:
		return host.Version{}, host.Errorf(abi.NotFound, "no version %q of service %q", host.Clip(digest), host.Clip(service))
	}
	return found[0], nil
}

// Versions returns all versions of a service, the last activated first: so
// the first one runs, and the second one ran before it.
func (c *Catalog) Versions(ctx context.Context, tenant, service string) ([]host.Version, error) {
	records, err := c.versionRecords(ctx, tenant, service)
	if err != nil {
		return nil, err
	}
	found := make([]host.Version, len(records))
	for i, r := range records {
		found[i] = r.Version
	}
	return found, nil
}

// Previous returns the version that ran before the running one; activating
// it is a rollback. Conflict: there is none.
func (c *Catalog) Previous(ctx context.Context, tenant, service string) (host.Version, error) {
	records, err := c.versionRecords(ctx, tenant, service)
	if err != nil {
		return host.Version{}, err
	}
	if len(records) < 2 {
		return host.Version{}, host.Errorf(abi.Conflict, "service %q has one version only; there is none to go back to", host.Clip(service))
	}
	return records[1].Version, nil
}

func (c *Catalog) versionRecords(ctx context.Context, tenant, service string) ([]versionRecord, error) {
	var found []versionRecord
	err := c.view(ctx, tenant, func(tx host.Tx) error {
		if _, err := getService(tx, tenant, service); err != nil {
			return err
		}
		return each(tx, dataKey(tenant, dataVersion, service), func(r versionRecord) error {
			found = append(found, r)
			return nil
		})
	})
	slices.SortFunc(found, func(a, b versionRecord) int { return cmp.Compare(b.Order, a.Order) })
	return found, err
}

// Digests returns, sorted, the digests that the versions of all tenants
// refer to: of sources, runtimes and images. A stored file that is not among
// them, and not of a deploy under way, is garbage.
func (c *Catalog) Digests(ctx context.Context) ([]string, error) {
	inUse := make(map[string]struct{})
	err := c.store.View(ctx, func(tx host.Tx) error {
		var tenants []string
		err := each(tx, []byte{areaTenant}, func(r tenantRecord) error {
			tenants = append(tenants, r.Tenant.Name)
			return nil
		})
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			err := each(tx, kindPrefix(tenant, dataVersion), func(r versionRecord) error {
				inUse[r.Version.Source] = struct{}{}
				inUse[r.Version.Runtime] = struct{}{}
				inUse[r.Version.Image] = struct{}{}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("collecting digests: %w", err)
	}
	delete(inUse, "")
	return slices.Sorted(maps.Keys(inUse)), nil
}
