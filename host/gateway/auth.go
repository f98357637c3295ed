package gateway

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
)

// HeaderGetter gives access to the headers of a request.
type HeaderGetter interface {
	// Header returns the only value of the header, whose name is in lower
	// case, or "" if it is absent or occurs more than once.
	Header(name string) string
}

// Authenticator decides who sends a request.
type Authenticator interface {
	// Authenticate checks the request against the tenant's security
	// definition of that name and returns who authenticated. The error is an
	// *[AuthError] where other credentials could succeed, and otherwise a
	// *host.Error; a definition that does not exist is Unavailable.
	Authenticate(tenant, name string, h HeaderGetter) (principal string, err error)
	// Credential returns the header that carries the definition's
	// credentials, in lower case, so that it is kept from the service.
	Credential(tenant, name string) string
}

// AuthError says that a request has no valid credentials.
type AuthError struct {
	Challenge string // value of WWW-Authenticate
}

// Error implements error.
func (e *AuthError) Error() string { return "the request has no valid credentials" }

// DefaultAPIKeyHeader carries the key of a definition that names no header.
const DefaultAPIKeyHeader = "x-api-key"

// Definitions is the [Authenticator] over security definitions. It is
// immutable.
type Definitions struct {
	byName map[definitionKey]*definition
	verify func(hash, secret string) bool
}

var _ Authenticator = (*Definitions)(nil)

type definitionKey struct{ tenant, name string }

type definition struct {
	host.AuthDefinition
	header  string
	refusal *AuthError
}

// NewDefinitions returns an authenticator over a copy of the definitions.
func NewDefinitions(defs []host.AuthDefinition) *Definitions {
	return newDefinitions(defs, security.VerifySecret)
}

func newDefinitions(defs []host.AuthDefinition, verify func(hash, secret string) bool) *Definitions {
	d := &Definitions{byName: make(map[definitionKey]*definition, len(defs)), verify: verify}
	for _, def := range defs {
		in := &definition{AuthDefinition: def}
		switch def.Type {
		case host.AuthBasic:
			realm := def.Realm
			if realm == "" {
				realm = def.Name
			}
			in.header = "authorization"
			in.refusal = &AuthError{Challenge: `Basic realm=` + quoted(realm) + `, charset="UTF-8"`}
		case host.AuthAPIKey:
			in.header = strings.ToLower(def.Header)
			if in.header == "" {
				in.header = DefaultAPIKeyHeader
			}
			in.refusal = &AuthError{Challenge: `ApiKey header=` + quoted(in.header)}
		default:
			continue // of an unknown type: refused as one that does not exist
		}
		d.byName[definitionKey{def.Tenant, def.Name}] = in
	}
	return d
}

// Authenticate implements [Authenticator].
func (d *Definitions) Authenticate(tenant, name string, h HeaderGetter) (string, error) {
	def := d.byName[definitionKey{tenant, name}]
	if def == nil || def.Hash == "" {
		return "", &host.Error{
			Code: abi.Unavailable, Message: "the service cannot be reached now",
			Err: fmt.Errorf("security definition %q of tenant %q does not exist or has no secret", name, tenant),
		}
	}
	value := h.Header(def.header)
	if value == "" || len(value) > maxCredential {
		return "", def.refusal
	}
	if def.Type == host.AuthAPIKey {
		if !d.verify(def.Hash, value) {
			return "", def.refusal
		}
		return def.Name, nil
	}
	user, password, ok := basic(value)
	// The password is checked whatever the user name, so that the time it
	// takes does not tell which names exist.
	right := ok && d.verify(def.Hash, password)
	if !right || subtle.ConstantTimeCompare([]byte(user), []byte(def.Username)) != 1 {
		return "", def.refusal
	}
	return def.Username, nil
}

// Credential implements [Authenticator].
func (d *Definitions) Credential(tenant, name string) string {
	if def := d.byName[definitionKey{tenant, name}]; def != nil {
		return def.header
	}
	return ""
}

// maxCredential bounds the header value that credentials are read from.
const maxCredential = 4096

// basic reads the credentials of RFC 7617.
func basic(value string) (user, password string, ok bool) {
	const scheme = "basic "
	if len(value) <= len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", "", false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimLeft(value[len(scheme):], " "))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(plain), ":")
}

// quoted returns s as a quoted-string of RFC 9110. Characters that a header
// cannot carry are left out.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c <= '~':
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
