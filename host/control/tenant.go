package control

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
)

// newTenant is what a tenant is created from; quota overrides the defaults.
type newTenant struct {
	Tenant string          `json:"tenant"`
	Quota  json.RawMessage `json:"quota"`
}

// tenantToken answers what shows a token, which is once.
type tenantToken struct {
	Tenant string `json:"tenant"`
	Token  string `json:"token"`
}

type tenantList struct {
	Tenants []host.Tenant `json:"tenants"`
}

func (s *Server) listTenants(c *fiber.Ctx) error {
	if p := who(c); !p.operator {
		t, err := s.cfg.Catalog.Tenant(c.UserContext(), p.tenant)
		if err != nil {
			return err
		}
		return c.JSON(tenantList{[]host.Tenant{t}})
	}
	all, err := s.cfg.Catalog.Tenants(c.UserContext())
	if err != nil {
		return err
	}
	return c.JSON(tenantList{list(all)})
}

func (s *Server) createTenant(c *fiber.Ctx) error {
	var in newTenant
	if err := readJSON(c, &in); err != nil {
		return err
	}
	if err := host.CheckTenantName(in.Tenant); err != nil {
		return err
	}
	quota, err := decodeQuota(in.Quota, host.DefaultQuota())
	if err != nil {
		return err
	}
	token, hash := security.NewToken()
	s.tenants.Lock()
	defer s.tenants.Unlock()
	t := host.Tenant{Name: in.Tenant, Created: time.Now().UTC(), Quota: quota, TokenHash: hash}
	if err := s.cfg.Catalog.CreateTenant(c.UserContext(), t); err != nil {
		return err
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(tenantToken{Tenant: t.Name, Token: token})
}

func (s *Server) getTenant(c *fiber.Ctx) error { return c.JSON(tenantOf(c)) }

func (s *Server) patchTenant(c *fiber.Ctx) error {
	var in struct {
		Quota json.RawMessage `json:"quota"`
	}
	if err := readJSON(c, &in); err != nil {
		return err
	}
	return s.updateTenant(c, func(t *host.Tenant) error {
		var err error
		t.Quota, err = decodeQuota(in.Quota, t.Quota)
		return err
	}, func(t host.Tenant) error { return c.JSON(t) })
}

func (s *Server) rotateToken(c *fiber.Ctx) error {
	token, hash := security.NewToken()
	return s.updateTenant(c, func(t *host.Tenant) error {
		t.TokenHash = hash
		return nil
	}, func(t host.Tenant) error { return c.JSON(tenantToken{Tenant: t.Name, Token: token}) })
}

// updateTenant changes the tenant in the path and answers it.
func (s *Server) updateTenant(c *fiber.Ctx, change func(*host.Tenant) error, answer func(host.Tenant) error) error {
	s.tenants.Lock()
	defer s.tenants.Unlock()
	t, err := s.cfg.Catalog.Tenant(c.UserContext(), tenantOf(c).Name)
	if err != nil {
		return err
	}
	if err := change(&t); err != nil {
		return err
	}
	if err := s.cfg.Catalog.UpdateTenant(c.UserContext(), t); err != nil {
		return err
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return answer(t)
}

// deleteTenant removes everything of a tenant, its services drained first.
func (s *Server) deleteTenant(c *fiber.Ctx) error {
	ctx, name := c.UserContext(), tenantOf(c).Name
	if name == host.DefaultTenant {
		return host.Errorf(abi.Conflict, "tenant %q is the host's own default and stays; delete its services instead", name)
	}
	s.tenants.Lock()
	defer s.tenants.Unlock()
	services, err := s.cfg.Catalog.Services(ctx, name)
	if err != nil {
		return err
	}
	for _, v := range services {
		if err := s.cfg.Deployer.Delete(ctx, name, v.Name); err != nil && host.CodeOf(err) != abi.NotFound {
			return err
		}
	}
	if err := s.cfg.Catalog.DeleteTenant(ctx, name); err != nil {
		return err
	}
	// Its calls end before their last keys are deleted.
	s.forget(name, "")
	if err := s.cfg.KV.Clear(ctx, name); err != nil {
		return err
	}
	if err := s.changed(ctx); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// Upper bounds of what an operator may set in a quota.
const (
	maxMemory  = 4 * host.GiB // what a 32-bit module can address
	maxBody    = 1 * host.GiB
	maxValue   = 4 * host.MiB // what the store takes in one transaction
	maxTimeout = host.Duration(time.Hour)
	// maxOperations bounds what a tenant's connections hold of the host's memory.
	maxOperations = 64 * host.GiB
	maxCount      = 1_000_000
)

// decodeQuota reads a quota over the values it has now and checks it.
func decodeQuota(raw json.RawMessage, q host.Quota) (host.Quota, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return q, nil
	}
	if d := host.DefaultQuota(); q.Operations == 0 { // a tenant of before there was such a quota
		q.Operations, q.OperationBytes = d.Operations, d.OperationBytes
	}
	if err := decode(raw, &q); err != nil {
		return q, within("quota", err)
	}
	for _, f := range []struct {
		name       string
		value, max int64
		show       func(int64) string
	}{
		{"memory", int64(q.Memory), int64(maxMemory), showBytes},
		{"timeout", int64(q.Timeout), int64(maxTimeout), showDuration},
		{"request_bytes", int64(q.RequestBytes), int64(maxBody), showBytes},
		{"reply_bytes", int64(q.ReplyBytes), int64(maxBody), showBytes},
		{"module_bytes", int64(q.ModuleBytes), int64(maxBody), showBytes},
		{"in_flight", int64(q.InFlight), maxCount, showCount},
		{"services", int64(q.Services), maxCount, showCount},
		{"kv_bytes", int64(q.KVBytes), int64(maxValue), showBytes},
		{"operations", int64(q.Operations), maxCount, showCount},
		{"operation_bytes", int64(q.OperationBytes), int64(maxOperations), showBytes},
	} {
		if f.value < 1 || f.value > f.max {
			field := "quota." + f.name
			return q, host.FieldErrorf(field, "%s is %s; use more than 0 and at most %s", field, f.show(f.value), f.show(f.max))
		}
	}
	return q, nil
}

// list returns v, an empty list instead of nil, so that JSON has [] and not null.
func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func showBytes(n int64) string    { return host.Bytes(n).String() }
func showDuration(n int64) string { return time.Duration(n).String() }
func showCount(n int64) string    { return strconv.FormatInt(n, 10) }
