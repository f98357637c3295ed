package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// HeaderCID carries the request's id, in and out.
const HeaderCID = "X-Request-Id"

// principal is who sent a request.
type principal struct {
	operator bool
	tenant   string // of a tenant's token
}

func (p principal) String() string {
	if p.operator {
		return "operator"
	}
	return "tenant " + p.tenant
}

// Keys of Fiber's per-request values.
type localKey string

const (
	keyCID       localKey = "cid"
	keyPrincipal localKey = "principal"
	keyTenant    localKey = "tenant"
)

var (
	errNoToken = errors.New("no valid token")
	cidShape   = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
)

// begin gives the request its id and context, and afterwards makes sure that
// an unread body is not taken for the next request of the connection.
func (s *Server) begin(c *fiber.Ctx) error {
	id := c.Get(HeaderCID)
	if !cidShape.MatchString(id) {
		id = newCID()
	}
	c.Locals(keyCID, id)
	c.Set(HeaderCID, id)
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.SetUserContext(s.base)
	err := c.Next()
	if err != nil {
		err = s.fail(c, err)
	}
	drain(c)
	s.audit(c)
	return err
}

// audit logs one line for every request that may have changed something.
func (s *Server) audit(c *fiber.Ctx) {
	if m := c.Method(); m == fiber.MethodGet || m == fiber.MethodHead {
		return
	}
	who := "nobody"
	if p, ok := c.Locals(keyPrincipal).(principal); ok {
		who = p.String()
	}
	s.log.InfoContext(c.UserContext(), "control request", "by", who, "method", c.Method(), "path", c.Path(),
		"status", c.Response().StatusCode(), "cid", cid(c))
}

// guard authenticates and authorises before the route's handler runs.
func (s *Server) guard(a access) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if a == public {
			return c.Next()
		}
		p, err := s.authenticate(c.UserContext(), c.Get(fiber.HeaderAuthorization))
		if err != nil {
			return err
		}
		c.Locals(keyPrincipal, p)
		if a == operatorOnly && !p.operator {
			return errOperator()
		}
		if a == ownTenant || a == tenantOperator {
			if err := s.enter(c, p, a); err != nil {
				return err
			}
		}
		return c.Next()
	}
}

// authenticate finds out whose token it is. Every reason to refuse looks the same.
func (s *Server) authenticate(ctx context.Context, header string) (principal, error) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 256 {
		return principal{}, errNoToken
	}
	hash := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(hash[:], s.cfg.OperatorTokenHash) == 1 {
		return principal{operator: true}, nil
	}
	t, err := s.cfg.Catalog.TenantByTokenHash(ctx, hash[:])
	switch {
	case host.CodeOf(err) == abi.NotFound:
		return principal{}, errNoToken
	case err != nil:
		return principal{}, err
	}
	return principal{tenant: t.Name}, nil
}

// enter loads the tenant in the path. For a tenant's token another tenant
// does not exist, whether it does or not.
func (s *Server) enter(c *fiber.Ctx, p principal, a access) error {
	name, err := param(c, "tenant")
	if err != nil {
		return err
	}
	if !p.operator && p.tenant != name {
		return errNoTenant(name)
	}
	t, err := s.cfg.Catalog.Tenant(c.UserContext(), name)
	switch {
	case host.CodeOf(err) == abi.NotFound || host.CodeOf(err) == abi.Invalid:
		return errNoTenant(name)
	case err != nil:
		return err
	case a == tenantOperator && !p.operator:
		return errOperator()
	}
	c.Locals(keyTenant, t)
	return nil
}

func errNoTenant(name string) error {
	return host.Errorf(abi.NotFound, "tenant %q does not exist", host.Clip(name))
}

func errOperator() error {
	return host.Errorf(abi.Denied, "only the operator may do this; use the operator's token")
}

// who returns the principal of an authenticated request.
func who(c *fiber.Ctx) principal {
	p, _ := c.Locals(keyPrincipal).(principal)
	return p
}

// tenantOf returns the tenant in the path of a guarded request.
func tenantOf(c *fiber.Ctx) host.Tenant {
	t, _ := c.Locals(keyTenant).(host.Tenant)
	return t
}

func cid(c *fiber.Ctx) string {
	id, _ := c.Locals(keyCID).(string)
	return id
}

func newCID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// param returns a decoded part of the path.
func param(c *fiber.Ctx, name string) (string, error) {
	v, err := url.PathUnescape(c.Params(name))
	if err != nil {
		return "", host.FieldErrorf(name, "%s in the path is not properly percent-encoded", name)
	}
	return v, nil
}
