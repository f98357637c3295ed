package control

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// invoke runs a service with the request's body and answers what the service
// answered: status, headers and body. A service that fails is answered with
// a problem document that holds the failure, since whoever may invoke here
// is its author.
func (s *Server) invoke(c *fiber.Ctx) error {
	svc, err := s.service(c)
	if err != nil {
		return err
	}
	in, err := readBody(c, "body", int64(tenantOf(c).Quota.RequestBytes))
	if err != nil {
		return err
	}
	env := abi.Envelope{
		{Name: abi.FieldMethod, Value: fiber.MethodPost},
		{Name: abi.FieldPath, Value: "/"},
		{Name: abi.FieldRemoteAddr, Value: c.Context().RemoteAddr().String()},
		{Name: abi.FieldPrincipal, Value: who(c).String()},
	}
	for _, name := range []string{fiber.HeaderContentType, fiber.HeaderAccept} {
		if v := c.Get(name); v != "" {
			env.Add(abi.PrefixHeader+strings.ToLower(name), v)
		}
	}
	reply, err := s.cfg.Invoker.Invoke(c.UserContext(), &host.Call{
		Tenant: svc.Tenant, Service: svc.Name, CID: cid(c), Channel: abi.ChannelControl, Envelope: env, Body: in,
	})
	if err != nil {
		return err
	}
	for _, h := range reply.Headers {
		if !ownHeader(h.Name) && plain(h.Value) {
			c.Response().Header.Add(h.Name, h.Value)
		}
	}
	// It tells the service's reply from an answer of the host itself.
	c.Set(HeaderReply, "service")
	return c.Status(reply.Status).Send(reply.Body)
}

// HeaderReply is "service" on answers to invoke that come from the service.
const HeaderReply = "X-Serai-Reply"

// ownHeader names headers that belong to the connection or to the host.
func ownHeader(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "trailer", "te", "date",
		"server", "proxy-connection", "set-cookie", "clear-site-data", "cache-control", "x-content-type-options",
		strings.ToLower(HeaderCID), strings.ToLower(HeaderReply):
		return true
	}
	return strings.HasPrefix(strings.ToLower(name), "access-control-")
}

// plain reports whether a header's value has no bytes that end a line.
func plain(v string) bool { return !strings.ContainsAny(v, "\r\n\x00") }
