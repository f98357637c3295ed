package httpclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seraihost/serai/host"
)

// Type is the Type of a host.Connection that this package serves.
const Type = "http"

// Config is the configuration of a connection, JSON in host.Connection. The
// values of Headers and Query and the credentials in Auth may hold
// references of the form ${secret:NAME}, which the host replaces when it
// sends a request.
type Config struct {
	// BaseURL is where the system lives: http or https, a host, and a path
	// that may hold {placeholders}, which the request's parameters fill.
	BaseURL string `json:"base_url"`
	// Headers are sent with every request; a guest cannot replace them.
	Headers map[string]string `json:"headers,omitempty"`
	// Query is sent with every request; a guest cannot replace it.
	Query map[string]string `json:"query,omitempty"`
	Auth  Auth              `json:"auth,omitzero"`
	// Timeout bounds a request with its retries and the reply's body. It is
	// 10s by default; a guest may ask for another time, but for no more
	// than what is set here.
	Timeout host.Duration `json:"timeout,omitempty"`
	Retries Retries       `json:"retries,omitzero"`
	// MaxResponseBytes bounds the reply's body, decompressed; 16MiB by default.
	MaxResponseBytes host.Bytes `json:"max_response_bytes,omitempty"`
	Redirects        Redirects  `json:"redirects,omitzero"`
	TLS              TLS        `json:"tls,omitzero"`
}

// Auth is how the host authenticates to the system.
type Auth struct {
	// Type is "none" (also ""), "basic", "bearer" or "header".
	Type     string `json:"type,omitempty"`
	Username string `json:"username,omitempty"` // basic
	Password string `json:"password,omitempty"` // basic, a reference
	Token    string `json:"token,omitempty"`    // bearer, a reference
	Header   string `json:"header,omitempty"`   // header: its name
	Value    string `json:"value,omitempty"`    // header: its value, with a reference
}

// Retries is how often a request that changes nothing when it is repeated
// (GET, HEAD, OPTIONS, PUT, DELETE) is sent again when the system cannot be
// reached or answers 502, 503 or 504.
type Retries struct {
	Max     *int          `json:"max,omitempty"`     // 2 by default, at most 10
	Backoff host.Duration `json:"backoff,omitempty"` // before the first retry, doubled for each later one; 100ms by default
}

// Redirects is which redirects of GET and HEAD requests are followed. Other
// methods get the redirect as their reply.
type Redirects struct {
	Follow *bool `json:"follow,omitempty"` // true by default
	Max    int   `json:"max,omitempty"`    // 5 by default, at most 20
	// AllowHosts are the hosts, with their ports where these are not the
	// scheme's own, that a redirect may lead to besides the connection's
	// own. Credentials are not sent there.
	AllowHosts []string `json:"allow_hosts,omitempty"`
}

// TLS is how the system's certificate is verified.
type TLS struct {
	InsecureSkipVerify bool   `json:"insecure_skip_verify,omitempty"`
	CAPEM              string `json:"ca_pem,omitempty"` // certificates to trust instead of the system's
}

// Defaults and bounds of the configuration.
const (
	DefaultTimeout          = 10 * time.Second
	MaxTimeout              = 10 * time.Minute
	DefaultRetries          = 2
	MaxRetries              = 10
	DefaultBackoff          = 100 * time.Millisecond
	MaxBackoff              = 5 * time.Second
	DefaultMaxResponseBytes = 16 * host.MiB
	MaxMaxResponseBytes     = 256 * host.MiB
	DefaultRedirects        = 5
	MaxRedirects            = 20
	maxConfigBytes          = 1 << 20
	maxEntries              = 128 // headers, query values, allowed hosts
)

// Validate checks a connection's configuration. Its error is an
// *[host.Error] that names the field, such as "config.base_url".
func Validate(config []byte) error {
	_, err := parse(config)
	return err
}

// decode reads the JSON strictly.
func decode(config []byte) (Config, error) {
	var c Config
	if len(config) > maxConfigBytes {
		return c, host.FieldErrorf("config", "config has %d bytes, at most %d", len(config), maxConfigBytes)
	}
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, decodeError(config, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return c, host.FieldErrorf("config", "config has more than one JSON value")
	}
	return c, nil
}

// decodeError names the field that encoding/json complains about. The value
// is left out, for it may be a credential in the wrong place.
func decodeError(config []byte, err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return host.FieldErrorf("config."+kind.Field, "config.%s: a JSON %s does not fit here", kind.Field, kind.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return host.FieldErrorf("config."+host.Clip(name), "config has no field %q; docs/connections.md lists the fields", host.Clip(name))
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return host.FieldErrorf("config", "config is not JSON: %s at byte %d", syntax.Error(), syntax.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return host.FieldErrorf("config", "config is not JSON: it ends too early")
	}
	field := unitField(config)
	return host.FieldErrorf(field, "%s: %s", field, host.Clip(err.Error()))
}

// unitField returns the field whose size or duration does not parse;
// encoding/json does not tell.
func unitField(config []byte) string {
	var c struct {
		Timeout          json.RawMessage `json:"timeout"`
		MaxResponseBytes json.RawMessage `json:"max_response_bytes"`
		Retries          struct {
			Backoff json.RawMessage `json:"backoff"`
		} `json:"retries"`
	}
	if json.Unmarshal(config, &c) != nil {
		return "config"
	}
	var size host.Bytes
	var duration host.Duration
	switch {
	case c.Timeout != nil && json.Unmarshal(c.Timeout, &duration) != nil:
		return "config.timeout"
	case c.Retries.Backoff != nil && json.Unmarshal(c.Retries.Backoff, &duration) != nil:
		return "config.retries.backoff"
	case c.MaxResponseBytes != nil && json.Unmarshal(c.MaxResponseBytes, &size) != nil:
		return "config.max_response_bytes"
	default:
		return "config"
	}
}

// defaults fills what was left out, after checking what was not.
func (c *Config) defaults() error {
	var err error
	if c.Timeout, err = within("timeout", c.Timeout, DefaultTimeout, MaxTimeout); err != nil {
		return err
	}
	if c.Retries.Backoff, err = within("retries.backoff", c.Retries.Backoff, DefaultBackoff, MaxBackoff); err != nil {
		return err
	}
	if c.Retries.Max == nil {
		c.Retries.Max = new(DefaultRetries)
	}
	if n := *c.Retries.Max; n < 0 || n > MaxRetries {
		return host.FieldErrorf("config.retries.max", "config.retries.max %d: use 0 to %d", n, MaxRetries)
	}
	if c.MaxResponseBytes == 0 {
		c.MaxResponseBytes = DefaultMaxResponseBytes
	}
	if c.MaxResponseBytes > MaxMaxResponseBytes {
		return host.FieldErrorf("config.max_response_bytes", "config.max_response_bytes %s: use at most %s", c.MaxResponseBytes, MaxMaxResponseBytes)
	}
	if c.Redirects.Follow == nil {
		c.Redirects.Follow = new(true)
	}
	if c.Redirects.Max == 0 {
		c.Redirects.Max = DefaultRedirects
	}
	if n := c.Redirects.Max; n < 0 || n > MaxRedirects {
		return host.FieldErrorf("config.redirects.max", "config.redirects.max %d: use 1 to %d", n, MaxRedirects)
	}
	return nil
}

func within(field string, d host.Duration, otherwise, most time.Duration) (host.Duration, error) {
	switch {
	case d == 0:
		return host.Duration(otherwise), nil
	case d < 0 || time.Duration(d) > most:
		return 0, host.FieldErrorf("config."+field, "config.%s %s: use at most %s", field, d, most)
	default:
		return d, nil
	}
}

// count returns an error when a list or map of the configuration is too long.
func count(field string, n int) error {
	if n > maxEntries {
		return host.FieldErrorf("config."+field, "config.%s has %d entries, at most %d", field, n, maxEntries)
	}
	return nil
}

func entry(field, name string) string { return fmt.Sprintf("config.%s[%q]", field, host.Clip(name)) }
