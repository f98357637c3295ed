package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

const maxNetworks = 64 // prefixes that a connection may be allowed

// connectionBody is a connection as it is sent and shown. Its config names
// secrets, ${secret:NAME}, and holds none.
type connectionBody struct {
	Tenant        string          `json:"tenant,omitempty"`
	Name          string          `json:"name,omitempty"`
	Type          string          `json:"type"`
	Config        json.RawMessage `json:"config"`
	AllowNetworks *[]string       `json:"allow_networks,omitempty"`
}

func show(v host.Connection) connectionBody {
	out := connectionBody{Tenant: v.Tenant, Name: v.Name, Type: v.Type, Config: v.Config}
	if len(out.Config) == 0 {
		out.Config = json.RawMessage("{}")
	}
	if len(v.AllowNetworks) > 0 {
		out.AllowNetworks = &v.AllowNetworks
	}
	return out
}

func (s *Server) listConnections(c *fiber.Ctx) error {
	all, err := s.cfg.Catalog.Connections(c.UserContext(), tenantOf(c).Name)
	if err != nil {
		return err
	}
	out := struct {
		Connections []connectionBody `json:"connections"`
	}{make([]connectionBody, 0, len(all))}
	for _, v := range all {
		out.Connections = append(out.Connections, show(v))
	}
	return c.JSON(out)
}

// connectionState is a connection with what has become of it.
type connectionState struct {
	Name string `json:"name"`
	Type string `json:"type"`
	host.ConnectionState
}

func (s *Server) connectionStates(c *fiber.Ctx) error {
	tenant := tenantOf(c).Name
	all, err := s.cfg.Catalog.Connections(c.UserContext(), tenant)
	if err != nil {
		return err
	}
	out := struct {
		Connections []connectionState `json:"connections"`
	}{make([]connectionState, 0, len(all))}
	for _, v := range all {
		state := connectionState{Name: v.Name, Type: v.Type}
		if s.cfg.ConnectionState != nil {
			state.ConnectionState = s.cfg.ConnectionState(tenant, v.Name)
		}
		out.Connections = append(out.Connections, state)
	}
	return c.JSON(out)
}

func (s *Server) getConnection(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	v, err := s.cfg.Catalog.Connection(c.UserContext(), tenantOf(c).Name, name)
	if err != nil {
		return missing(err, "connection", name)
	}
	return c.JSON(show(v))
}

// putConnection creates or replaces a connection. A tenant that replaces one
// keeps what the operator allowed only if the connection stays as it was
// otherwise; the permission was given for that address.
func (s *Server) putConnection(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	if err := host.CheckName("name", name); err != nil {
		return err
	}
	var in connectionBody
	if err := readJSON(c, &in); err != nil {
		return err
	}
	tenant := tenantOf(c).Name
	if in.Tenant != "" && in.Tenant != tenant || in.Name != "" && in.Name != name {
		return host.FieldErrorf("name", "tenant and name differ from those in the path; leave them out")
	}
	v := host.Connection{Tenant: tenant, Name: name, Type: in.Type, Config: in.Config}
	if v.AllowNetworks, err = s.allowed(c, name, in); err != nil {
		return err
	}
	if s.cfg.CheckConnection != nil {
		if err := s.cfg.CheckConnection(c.UserContext(), v); err != nil {
			return err
		}
	}
	if err := s.cfg.Catalog.PutConnection(c.UserContext(), v); err != nil {
		return err
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return c.JSON(show(v))
}

// pingConnection answers 204 when the connection's system gives a sign of life.
func (s *Server) pingConnection(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	v, err := s.cfg.Catalog.Connection(c.UserContext(), tenantOf(c).Name, name)
	if err != nil {
		return missing(err, "connection", name)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), pingTimeout)
	defer cancel()
	if err := s.cfg.Ping(ctx, v); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// pingTimeout bounds the wait for a sign of life.
const pingTimeout = 10 * time.Second

func (s *Server) deleteConnection(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	if err := s.cfg.Catalog.DeleteConnection(c.UserContext(), tenantOf(c).Name, name); err != nil {
		return missing(err, "connection", name)
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// allowed returns the networks that the connection may reach. Only the
// operator adds or changes them; a tenant may send back what is there.
func (s *Server) allowed(c *fiber.Ctx, name string, in connectionBody) ([]string, error) {
	var want []string
	if in.AllowNetworks != nil {
		want = *in.AllowNetworks
	}
	if len(want) > 0 && !who(c).operator {
		now, err := s.cfg.Catalog.Connection(c.UserContext(), tenantOf(c).Name, name)
		if err != nil && host.CodeOf(err) != abi.NotFound {
			return nil, err
		}
		if !same(show(now), in) {
			e := host.Errorf(abi.Denied, "only the operator may allow a connection to reach private networks")
			e.Field = "allow_networks"
			return nil, e
		}
	}
	if len(want) > maxNetworks {
		return nil, host.FieldErrorf("allow_networks", "at most %d networks", maxNetworks)
	}
	for i, text := range want {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			field := fmt.Sprintf("allow_networks[%d]", i)
			return nil, host.FieldErrorf(field, "%s %q: use a network such as 127.0.0.0/8 or 10.1.2.3/32", field, host.Clip(text))
		}
		want[i] = p.Masked().String()
	}
	return want, nil
}

// same reports whether a connection is sent back just as it was shown.
func same(now, in connectionBody) bool {
	if now.AllowNetworks == nil || in.AllowNetworks == nil || now.Type != in.Type {
		return false
	}
	a, errA := canonical(now.Config)
	b, errB := canonical(in.Config)
	if errA != nil || errB != nil || a != b || len(*now.AllowNetworks) != len(*in.AllowNetworks) {
		return false
	}
	for i, n := range *now.AllowNetworks {
		if n != (*in.AllowNetworks)[i] {
			return false
		}
	}
	return true
}

func canonical(raw json.RawMessage) (string, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", fmt.Errorf("reading configuration: %w", err)
	}
	b, err := json.Marshal(v)
	return string(b), err
}
