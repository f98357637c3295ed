package control

import (
	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxConfig is the most bytes of a configuration value or a secret.
const maxConfig = 256 << 10

type nameList struct {
	Names []string `json:"names"`
}

func (s *Server) listConfig(c *fiber.Ctx) error {
	keys, err := s.cfg.Catalog.ConfigKeys(c.UserContext(), tenantOf(c).Name, c.Query("prefix"))
	if err != nil {
		return err
	}
	return c.JSON(nameList{list(keys)})
}

func (s *Server) getConfig(c *fiber.Ctx) error {
	key, err := param(c, "key")
	if err != nil {
		return err
	}
	v, err := s.cfg.Catalog.Config(c.UserContext(), tenantOf(c).Name, key)
	if err != nil {
		return missing(err, "configuration key", key)
	}
	return sendBytes(c, v)
}

func (s *Server) putConfig(c *fiber.Ctx) error {
	key, v, err := named(c, "key", maxConfig)
	if err != nil {
		return err
	}
	if err := s.cfg.Catalog.SetConfig(c.UserContext(), tenantOf(c).Name, key, v); err != nil {
		return err
	}
	return s.done(c)
}

func (s *Server) deleteConfig(c *fiber.Ctx) error {
	key, err := param(c, "key")
	if err != nil {
		return err
	}
	if err := s.cfg.Catalog.DeleteConfig(c.UserContext(), tenantOf(c).Name, key); err != nil {
		return missing(err, "configuration key", key)
	}
	return s.done(c)
}

func (s *Server) listSecrets(c *fiber.Ctx) error {
	names, err := s.cfg.Catalog.SecretNames(c.UserContext(), tenantOf(c).Name)
	if err != nil {
		return err
	}
	return c.JSON(nameList{list(names)})
}

func (s *Server) putSecret(c *fiber.Ctx) error {
	name, v, err := named(c, "name", maxConfig)
	if err != nil {
		return err
	}
	if len(v) == 0 {
		return host.FieldErrorf("body", "the secret is empty; send its bytes as the body")
	}
	if err := s.cfg.Catalog.SetSecret(c.UserContext(), tenantOf(c).Name, name, v); err != nil {
		return err
	}
	return s.done(c)
}

func (s *Server) deleteSecret(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	if err := s.cfg.Catalog.DeleteSecret(c.UserContext(), tenantOf(c).Name, name); err != nil {
		return missing(err, "secret", name)
	}
	return s.done(c)
}

// done ends a change that has nothing to show.
func (s *Server) done(c *fiber.Ctx) error {
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// named reads a change of one named value: its name from the path and the
// value's bytes from the body.
func named(c *fiber.Ctx, field string, most int64) (string, []byte, error) {
	name, err := param(c, field)
	if err != nil {
		return "", nil, err
	}
	v, err := readBody(c, "body", most)
	return name, v, err
}

// sendBytes answers bytes of a tenant, never as something that a browser runs.
func sendBytes(c *fiber.Ctx, v []byte) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
	return c.Send(v)
}

func gone(err error) bool { return host.CodeOf(err) == abi.NotFound }

func errNoService(name string) error {
	return host.Errorf(abi.NotFound, "service %q does not exist", host.Clip(name))
}
