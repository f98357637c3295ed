package control

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
)

// Bounds of credentials.
const (
	minSecret = 1
	maxSecret = 1024 // bytes of a password or key
)

// newAuth is a security definition as a client sends it; the password or
// key is stored hashed and never shown again.
type newAuth struct {
	Type     host.AuthType `json:"type"`
	Username string        `json:"username"`
	Password string        `json:"password"`
	Realm    string        `json:"realm"`
	Header   string        `json:"header"`
	Key      string        `json:"key"`
}

func (s *Server) listAuth(c *fiber.Ctx) error {
	all, err := s.cfg.Catalog.Auths(c.UserContext(), tenantOf(c).Name)
	if err != nil {
		return err
	}
	return c.JSON(struct {
		Auth []host.AuthDefinition `json:"auth"`
	}{list(all)})
}

func (s *Server) getAuth(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	d, err := s.cfg.Catalog.Auth(c.UserContext(), tenantOf(c).Name, name)
	if err != nil {
		return missing(err, "security definition", name)
	}
	return c.JSON(d)
}

func (s *Server) putAuth(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	if err := host.CheckName("name", name); err != nil {
		return err
	}
	var in newAuth
	if err := readJSON(c, &in); err != nil {
		return err
	}
	secret, err := in.check()
	if err != nil {
		return err
	}
	hash, err := security.HashSecret(secret)
	if err != nil {
		return err
	}
	d := host.AuthDefinition{
		Tenant: tenantOf(c).Name, Name: name, Type: in.Type,
		Username: in.Username, Realm: in.Realm, Header: in.Header, Hash: hash,
	}
	if err := s.cfg.Catalog.PutAuth(c.UserContext(), d); err != nil {
		return err
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return c.JSON(d)
}

func (s *Server) deleteAuth(c *fiber.Ctx) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	if err := s.cfg.Catalog.DeleteAuth(c.UserContext(), tenantOf(c).Name, name); err != nil {
		return missing(err, "security definition", name)
	}
	if err := s.changed(c.UserContext()); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// check returns the password or key of a definition that is complete and
// has nothing of the other type.
func (a *newAuth) check() (string, error) {
	switch a.Type {
	case host.AuthBasic:
		switch {
		case a.Username == "" || len(a.Username) > 256 || strings.ContainsAny(a.Username, ":\r\n\x00"):
			return "", host.FieldErrorf("username", "username: use 1 to 256 characters without a colon")
		case strings.ContainsAny(a.Realm, "\"\\\r\n\x00") || len(a.Realm) > 256:
			return "", host.FieldErrorf("realm", "realm: use at most 256 characters without quotes")
		case a.Header != "" || a.Key != "":
			return "", host.FieldErrorf("type", "header and key belong to type %q", host.AuthAPIKey)
		}
		return a.Password, checkSecret("password", a.Password)
	case host.AuthAPIKey:
		switch {
		case !headerName(a.Header):
			return "", host.FieldErrorf("header", "header %q is not a header's name that a client may send", host.Clip(a.Header))
		case a.Username != "" || a.Password != "" || a.Realm != "":
			return "", host.FieldErrorf("type", "username, password and realm belong to type %q", host.AuthBasic)
		}
		return a.Key, checkSecret("key", a.Key)
	default:
		return "", host.FieldErrorf("type", "type %q: use %q or %q", host.Clip(string(a.Type)), host.AuthBasic, host.AuthAPIKey)
	}
}

func checkSecret(field, v string) error {
	if len(v) < minSecret || len(v) > maxSecret || strings.ContainsAny(v, "\r\n\x00") {
		return host.FieldErrorf(field, "%s: use %d to %d bytes without line ends", field, minSecret, maxSecret)
	}
	return nil
}

// headerName reports whether s is empty or a token of RFC 9110 that is not
// used by HTTP itself.
func headerName(s string) bool {
	if len(s) > 64 {
		return false
	}
	for i := range len(s) {
		b := s[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "host", "connection", "content-length", "content-type", "transfer-encoding", "upgrade", "te", "trailer", "expect":
		return false
	}
	return true
}

// missing returns a NotFound error in one wording for all stores.
func missing(err error, what, name string) error {
	if host.CodeOf(err) == abi.NotFound {
		return host.Errorf(abi.NotFound, "%s %q does not exist", what, host.Clip(name))
	}
	return err
}
