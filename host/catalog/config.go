package catalog

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bounds on configuration and secrets.
const (
	MaxKeyBytes    = 256       // of a configuration key or a secret's name
	MaxConfigBytes = 256 << 10 // of a configuration value
	MaxSecretBytes = 64 << 10  // of a secret
)

// SetConfig creates or replaces a configuration value of a tenant. The key
// is up to [MaxKeyBytes] bytes of UTF-8 without control characters.
func (c *Catalog) SetConfig(ctx context.Context, tenant, key string, value []byte) error {
	if err := checkConfig(key, value); err != nil {
		return err
	}
	return c.setData(ctx, tenant, dataConfig, key, value)
}

// Config returns a configuration value of a tenant.
func (c *Catalog) Config(ctx context.Context, tenant, key string) ([]byte, error) {
	return c.data(ctx, tenant, dataConfig, "configuration key", key)
}

// ConfigKeys returns a tenant's configuration keys that begin with prefix,
// sorted. "" is all.
func (c *Catalog) ConfigKeys(ctx context.Context, tenant, prefix string) ([]string, error) {
	return c.dataNames(ctx, tenant, dataConfig, prefix)
}

// DeleteConfig removes a configuration value.
func (c *Catalog) DeleteConfig(ctx context.Context, tenant, key string) error {
	return c.deleteData(ctx, tenant, dataConfig, "configuration key", key)
}

// SetSecret creates or replaces a secret of a tenant, which is sealed before
// it is stored. The name follows the rule of configuration keys.
func (c *Catalog) SetSecret(ctx context.Context, tenant, name string, value []byte) error {
	if err := checkSecret(name, value); err != nil {
		return err
	}
	return c.setData(ctx, tenant, dataSecret, name, c.box.Seal(value, secretUse(tenant, name)))
}

// Secret returns a secret in clear. It never goes to a guest, a log or a
// client.
func (c *Catalog) Secret(ctx context.Context, tenant, name string) ([]byte, error) {
	sealed, err := c.data(ctx, tenant, dataSecret, "secret", name)
	if err != nil {
		return nil, err
	}
	value, err := c.box.Open(sealed, secretUse(tenant, name))
	if err != nil {
		e := host.Errorf(abi.Internal, "secret %q cannot be read; set it again", host.Clip(name))
		e.Err = err
		return nil, e
	}
	return value, nil
}

// secretUse is the additional data of a secret: it opens under its own
// tenant and name only.
func secretUse(tenant, name string) []byte { return dataKey(tenant, dataSecret, name) }

// SecretNames returns the names of a tenant's secrets, sorted.
func (c *Catalog) SecretNames(ctx context.Context, tenant string) ([]string, error) {
	return c.dataNames(ctx, tenant, dataSecret, "")
}

// DeleteSecret removes a secret. Connections that refer to it fail.
func (c *Catalog) DeleteSecret(ctx context.Context, tenant, name string) error {
	return c.deleteData(ctx, tenant, dataSecret, "secret", name)
}

func checkConfig(key string, value []byte) error {
	if err := checkKey("key", key); err != nil {
		return err
	}
	return checkSize("value", value, MaxConfigBytes)
}

func checkSecret(name string, value []byte) error {
	if err := checkKey("name", name); err != nil {
		return err
	}
	return checkSize("value", value, MaxSecretBytes)
}

func checkKey(field, key string) error {
	if key == "" || len(key) > MaxKeyBytes || !utf8.ValidString(key) || hasControl(key) {
		return host.FieldErrorf(field, "%s %q: use 1 to %d bytes of UTF-8 without control characters", field, host.Clip(key), MaxKeyBytes)
	}
	return nil
}

func checkSize(field string, value []byte, most int) error {
	if len(value) > most {
		e := host.Errorf(abi.TooLarge, "the %s has %d bytes; at most %d fit", field, len(value), most)
		e.Field = field
		return e
	}
	return nil
}

func (c *Catalog) setData(ctx context.Context, tenant string, kind byte, name string, value []byte) error {
	return c.update(ctx, tenant, func(tx host.Tx) error { return putData(tx, tenant, kind, name, value) })
}

func putData(tx host.Tx, tenant string, kind byte, name string, value []byte) error {
	if err := tx.Set(dataKey(tenant, kind, name), value, 0); err != nil {
		return fmt.Errorf("writing value: %w", err)
	}
	return nil
}

func (c *Catalog) data(ctx context.Context, tenant string, kind byte, what, name string) ([]byte, error) {
	var value []byte
	err := c.view(ctx, tenant, func(tx host.Tx) (err error) {
		value, err = tx.Get(dataKey(tenant, kind, name))
		if errors.Is(err, host.ErrNoKey) {
			return notFound(what, name)
		}
		return err
	})
	return value, err
}

func (c *Catalog) dataNames(ctx context.Context, tenant string, kind byte, prefix string) (found []string, err error) {
	err = c.view(ctx, tenant, func(tx host.Tx) (err error) {
		found, err = names(tx, tenant, kind, prefix)
		return err
	})
	return found, err
}

// deleteData removes a named record, which must exist.
func (c *Catalog) deleteData(ctx context.Context, tenant string, kind byte, what, name string) error {
	return c.update(ctx, tenant, func(tx host.Tx) error { return removeData(tx, tenant, kind, what, name) })
}

func removeData(tx host.Tx, tenant string, kind byte, what, name string) error {
	if err := mustExist(tx, tenant, kind, what, name); err != nil {
		return err
	}
	return tx.Delete(dataKey(tenant, kind, name))
}

func mustExist(tx host.Tx, tenant string, kind byte, what, name string) error {
	_, err := tx.Get(dataKey(tenant, kind, name))
	if errors.Is(err, host.ErrNoKey) {
		return notFound(what, name)
	}
	return err
}
