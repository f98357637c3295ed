package control

import (
	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/host"
)

// serviceInfo is a service together with the version that it runs.
type serviceInfo struct {
	host.Service
	Kind       host.Kind      `json:"kind"`
	Isolation  host.Isolation `json:"isolation"`
	Routes     []host.Route   `json:"routes"`
	ImageBytes int64          `json:"image_bytes"`
	OwnBytes   int64          `json:"own_bytes"`
}

// serviceDetail adds all settings, for one service.
type serviceDetail struct {
	serviceInfo
	Settings host.Settings `json:"settings"`
}

// versionInfo is a version and whether it serves calls.
type versionInfo struct {
	host.Version
	Running bool `json:"running"`
}

func about(svc host.Service, v host.Version) serviceInfo {
	return serviceInfo{
		Service: svc, Kind: v.Kind, Isolation: v.Settings.Isolation, Routes: list(v.Settings.Routes),
		ImageBytes: v.ImageBytes, OwnBytes: v.OwnBytes,
	}
}

func (s *Server) listServices(c *fiber.Ctx) error {
	ctx, tenant := c.UserContext(), tenantOf(c).Name
	all, err := s.cfg.Catalog.Services(ctx, tenant)
	if err != nil {
		return err
	}
	out := struct {
		Services []serviceInfo `json:"services"`
	}{make([]serviceInfo, 0, len(all))}
	for _, svc := range all {
		v, err := s.cfg.Catalog.Version(ctx, tenant, svc.Name, svc.Running)
		if gone(err) {
			continue // deleted since the list was read
		}
		if err != nil {
			return err
		}
		out.Services = append(out.Services, about(svc, v))
	}
	return c.JSON(out)
}

func (s *Server) getService(c *fiber.Ctx) error {
	svc, err := s.service(c)
	if err != nil {
		return err
	}
	v, err := s.cfg.Catalog.Version(c.UserContext(), svc.Tenant, svc.Name, svc.Running)
	if err != nil {
		return err
	}
	return c.JSON(serviceDetail{about(svc, v), v.Settings})
}

func (s *Server) deleteService(c *fiber.Ctx) error {
	svc, err := s.service(c)
	if err != nil {
		return err
	}
	if err := s.cfg.Deployer.Delete(c.UserContext(), svc.Tenant, svc.Name); err != nil {
		return err
	}
	s.forget(svc.Tenant, svc.Name)
	return c.SendStatus(fiber.StatusNoContent)
}

func (s *Server) listVersions(c *fiber.Ctx) error {
	svc, err := s.service(c)
	if err != nil {
		return err
	}
	all, err := s.cfg.Catalog.Versions(c.UserContext(), svc.Tenant, svc.Name)
	if err != nil {
		return err
	}
	out := struct {
		Versions []versionInfo `json:"versions"`
	}{make([]versionInfo, 0, len(all))}
	for _, v := range all {
		out.Versions = append(out.Versions, versionInfo{v, v.Digest == svc.Running})
	}
	return c.JSON(out)
}

func (s *Server) rollback(c *fiber.Ctx) error {
	var in struct {
		Version string `json:"version"`
	}
	if b, err := readBody(c, "body", maxJSON); err != nil {
		return err
	} else if len(b) > 0 {
		if err := decode(b, &in); err != nil {
			return err
		}
	}
	svc, err := s.service(c)
	if err != nil {
		return err
	}
	receipt, err := s.cfg.Deployer.Rollback(c.UserContext(), svc.Tenant, svc.Name, in.Version)
	if err != nil {
		return err
	}
	return c.JSON(receipt)
}

// service loads the service in the path.
func (s *Server) service(c *fiber.Ctx) (host.Service, error) {
	name, err := param(c, "service")
	if err != nil {
		return host.Service{}, err
	}
	svc, err := s.cfg.Catalog.Service(c.UserContext(), tenantOf(c).Name, name)
	if gone(err) {
		return svc, errNoService(name)
	}
	return svc, err
}
