package control

import (
	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/host"
)

func (s *Server) listChannels(c *fiber.Ctx) error {
	all, err := s.cfg.Catalog.Channels(c.UserContext(), tenantOf(c).Name)
	if err != nil {
		return err
	}
	out := make([]host.ChannelStatus, 0, len(all))
	for _, v := range all {
		status := host.ChannelStatus{Channel: v}
		if s.cfg.Intake != nil && !v.REST() {
			if state, ok := s.cfg.Intake.State(v.Tenant, v.Name); ok {
				status.State = &state
			}
		}
		out = append(out, status)
	}
	return c.JSON(struct {
		Channels []host.ChannelStatus `json:"channels"`
	}{out})
}

func (s *Server) getChannel(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	return s.showChannel(c, name)
}

func (s *Server) showChannel(c *fiber.Ctx, name string) error {
	v, err := s.cfg.Catalog.Channel(c.UserContext(), tenantOf(c).Name, name)
	if err != nil {
		return missing(err, "channel", name)
	}
	return c.JSON(v)
}

// putChannel creates or replaces a channel and shows its canonical form.
func (s *Server) putChannel(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	var in host.Channel
	if err := readJSON(c, &in); err != nil {
		return err
	}
	tenant := tenantOf(c).Name
	if in.Tenant != "" && in.Tenant != tenant || in.Name != "" && in.Name != name {
		return host.FieldErrorf("name", "tenant and name differ from those in the path; leave them out")
	}
	in.Tenant, in.Name = tenant, name
	if s.cfg.CheckChannel != nil {
		if err := s.cfg.CheckChannel(c.UserContext(), in); err != nil {
			return err
		}
	}
	if err := s.cfg.Catalog.PutChannel(c.UserContext(), in); err != nil {
		return err
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return s.showChannel(c, name)
}

func (s *Server) deleteChannel(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	if err := s.cfg.Catalog.DeleteChannel(c.UserContext(), tenantOf(c).Name, name); err != nil {
		return missing(err, "channel", name)
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
