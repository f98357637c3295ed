package gateway

import (
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
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

// Demand is what a route or channel asks of its clients.
type Demand struct {
	Tenant string
	Names  []string // of security definitions; meeting any one of them suffices
	Realm  string   // instead of the definitions' own, if set
}

// Identity is who sends a request.
type Identity struct {
	Principal  string // the user, or the name of the definition of a key
	Definition string // name of the definition that was met
	Type       host.AuthType
}

// Authenticator decides who sends a request.
type Authenticator interface {
	// Authenticate checks the request against the definitions of the demand
	// and returns who authenticated. The error is an *[AuthError] where other
	// credentials could succeed, and otherwise a *host.Error; a definition
	// that does not exist is Unavailable, unless another one is met.
	Authenticate(d *Demand, h HeaderGetter) (Identity, error)
	// Credential returns the header that carries the definition's
	// credentials, in lower case, so that it is kept from the service.
	Credential(tenant, name string) string
}

// AuthError says that a request has no valid credentials.
type AuthError struct {
	Challenges []string // values of WWW-Authenticate
}

// Error implements error.
func (e *AuthError) Error() string { return "the request has no valid credentials" }

// DefaultAPIKeyHeader carries the key of a definition that names no header.
const DefaultAPIKeyHeader = "x-api-key"

// Definitions is the [Authenticator] over security definitions. It is
// immutable.
type Definitions struct {
	byName map[definitionKey]*definition
	checks [2]check
}

var _ Authenticator = (*Definitions)(nil)

type definitionKey struct{ tenant, name string }

// check reports whether secret is the one that hash was made from.
type check func(hash, secret string) bool

type definition struct {
	host.AuthDefinition
	header   string
	identity Identity
}

// NewDefinitions returns an authenticator over a copy of the definitions.
func NewDefinitions(defs []host.AuthDefinition) *Definitions {
	d := &Definitions{
		byName: make(map[definitionKey]*definition, len(defs)),
		// A secret that was right before is found without the slow hash, so
		// that it does not wait for those of the definitions before its own.
		checks: [2]check{security.RemembersSecret, security.VerifySecret},
	}
	for _, def := range defs {
		in := &definition{AuthDefinition: def, identity: Identity{Principal: def.Name, Definition: def.Name, Type: def.Type}}
		switch def.Type {
		case host.AuthBasic:
			in.header = "authorization"
			in.identity.Principal = def.Username
		case host.AuthAPIKey:
			in.header = strings.ToLower(def.Header)
			if in.header == "" {
				in.header = DefaultAPIKeyHeader
			}
		default:
			continue // of an unknown type: refused as one that does not exist
		}
		d.byName[definitionKey{def.Tenant, def.Name}] = in
	}
	return d
}

// Authenticate implements [Authenticator].
func (d *Definitions) Authenticate(demand *Demand, h HeaderGetter) (Identity, error) {
	for _, right := range d.checks {
		for _, name := range demand.Names {
			if def := d.byName[definitionKey{demand.Tenant, name}]; def != nil && def.Hash != "" && def.admits(h, right) {
				return def.identity, nil
			}
		}
	}
	return Identity{}, d.refusal(demand)
}

// admits reports whether the request has the definition's credentials.
func (def *definition) admits(h HeaderGetter, right check) bool {
	value := h.Header(def.header)
	if value == "" || len(value) > maxCredential {
		return false
	}
	if def.Type == host.AuthAPIKey {
		return right(def.Hash, value)
	}
	user, password, ok := basic(value)
	// The password is checked whatever the user name, so that the time it
	// takes does not tell which names exist.
	ok = ok && right(def.Hash, password)
	return ok && subtle.ConstantTimeCompare([]byte(user), []byte(def.Username)) == 1
}

// refusal returns the error of a request that meets none of the definitions.
func (d *Definitions) refusal(demand *Demand) error {
	refused := &AuthError{}
	for _, name := range demand.Names {
		def := d.byName[definitionKey{demand.Tenant, name}]
		if def == nil || def.Hash == "" {
			return &host.Error{
				Code: abi.Unavailable, Message: "the service cannot be reached now",
				Err: fmt.Errorf("security definition %q of tenant %q does not exist or has no secret", name, demand.Tenant),
			}
		}
		if c := def.challenge(demand.Realm); !slices.Contains(refused.Challenges, c) {
			refused.Challenges = append(refused.Challenges, c)
		}
	}
	return refused
}

// challenge returns the value of WWW-Authenticate that asks for the
// definition's credentials.
func (def *definition) challenge(realm string) string {
	if def.Type == host.AuthAPIKey {
		challenge := `ApiKey header=` + quoted(def.header)
		if realm != "" {
			challenge = `ApiKey realm=` + quoted(realm) + `, header=` + quoted(def.header)
		}
		return challenge
	}
	return `Basic realm=` + quoted(cmp.Or(realm, def.Realm, def.Name)) + `, charset="UTF-8"`
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
