package control

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/kv"
)

// KV is the tenants' key/value store, a [kv.Space].
type KV interface {
	// Area returns the space of the keys in an area, "" for the tenants' own.
	Area(name string) (*kv.Space, error)
	// Clear removes all keys of a tenant, those of every area.
	Clear(ctx context.Context, tenant string) error
}

var _ KV = (*kv.Space)(nil)

// Headers of single keys.
const (
	HeaderRevision = "X-Serai-Revision" // of the key's value
	HeaderExpires  = "X-Serai-Expires"  // when it goes, RFC 3339; absent: never
)

// keys returns the space of the area that the query parameter area names.
func (s *Server) keys(c *fiber.Ctx) (*kv.Space, error) { return s.cfg.KV.Area(c.Query("area")) }

// listKeys takes prefix, after and limit as query parameters.
func (s *Server) listKeys(c *fiber.Ctx) error {
	space, err := s.keys(c)
	if err != nil {
		return err
	}
	limit, err := queryInt(c, "limit", kv.DefaultLimit, kv.MaxLimit)
	if err != nil {
		return err
	}
	o := kv.ListOptions{Prefix: c.Query("prefix"), After: c.Query("after"), Limit: limit}
	keys, next, err := space.List(c.UserContext(), tenantOf(c).Name, o)
	if err != nil {
		return err
	}
	return c.JSON(struct {
		Keys []string `json:"keys"`
		Next string   `json:"next,omitempty"`
	}{list(keys), next})
}

func (s *Server) getKey(c *fiber.Ctx) error {
	space, err := s.keys(c)
	if err != nil {
		return err
	}
	key, err := param(c, "key")
	if err != nil {
		return err
	}
	e, err := space.Get(c.UserContext(), tenantOf(c).Name, key)
	if err != nil {
		return missing(err, "key", key)
	}
	c.Set(HeaderRevision, strconv.FormatUint(e.Revision, 10))
	if !e.Expires.IsZero() {
		c.Set(HeaderExpires, e.Expires.UTC().Format(time.RFC3339Nano))
	}
	return sendBytes(c, e.Value)
}

// putKey takes ttl and if_revision as query parameters and the value's bytes
// as the body.
func (s *Server) putKey(c *fiber.Ctx) error {
	space, err := s.keys(c)
	if err != nil {
		return err
	}
	quota := tenantOf(c).Quota
	key, v, err := named(c, "key", int64(quota.KVBytes))
	if err != nil {
		return err
	}
	o := kv.SetOptions{MaxBytes: quota.KVBytes}
	if text := c.Query("ttl"); text != "" {
		if o.TTL, err = time.ParseDuration(text); err != nil || o.TTL <= 0 {
			return host.FieldErrorf("ttl", "ttl %q: use a duration such as 30s or 24h", host.Clip(text))
		}
	}
	if o.IfRevision, err = ifRevision(c); err != nil {
		return err
	}
	revision, err := space.Set(c.UserContext(), tenantOf(c).Name, key, v, o)
	if err != nil {
		return err
	}
	c.Set(HeaderRevision, strconv.FormatUint(revision, 10))
	return c.SendStatus(fiber.StatusNoContent)
}

func (s *Server) deleteKey(c *fiber.Ctx) error {
	space, err := s.keys(c)
	if err != nil {
		return err
	}
	key, err := param(c, "key")
	if err != nil {
		return err
	}
	revision, err := ifRevision(c)
	if err != nil {
		return err
	}
	found, err := space.Delete(c.UserContext(), tenantOf(c).Name, key, revision)
	if err != nil {
		return err
	}
	if !found {
		return host.Errorf(abi.NotFound, "key %q does not exist", host.Clip(key))
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// ifRevision reads the revision that a change depends on; nil is none.
func ifRevision(c *fiber.Ctx) (*uint64, error) {
	text := c.Query("if_revision")
	if text == "" {
		return nil, nil //nolint:nilnil // nil is documented as none
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, host.FieldErrorf("if_revision", "if_revision %q: use the number in %s, or 0 for a new key", host.Clip(text), HeaderRevision)
	}
	return &n, nil
}
