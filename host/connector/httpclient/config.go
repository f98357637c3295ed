package httpclient

import (
	"fmt"
	"time"

	"github.com/seraihost/serai/host"
)

// Type is the Type of a host.Connection that this package serves.
const Type = "http"

// Config is the configuration of a connection. A guest cannot replace the
// headers and the query that it has.
type Config struct {
	BaseURL          string            `json:"base_url" required:"true" example:"https://crm.example.com/v2" doc:"where the system lives: http or https, a host, and a path that may hold {placeholders}, which a request's parameters fill"`
	Headers          map[string]string `json:"headers" doc:"sent with every request; values may hold references to secrets"`
	Query            map[string]string `json:"query" doc:"sent with every request; values may hold references to secrets"`
	Auth             Auth              `json:"auth" doc:"how the host authenticates to the system"`
	Timeout          host.Duration     `json:"timeout" min:"1ms" max:"10m" doc:"of a request with its retries and the reply's body: 10s unless given; a service may ask for another, but for no more than what is given"`
	Retries          Retries           `json:"retries" doc:"of requests that change nothing when they are repeated (GET, HEAD, OPTIONS, PUT, DELETE), when the system cannot be reached or answers 502, 503 or 504"`
	MaxResponseBytes host.Bytes        `json:"max_response_bytes" default:"16MiB" min:"1B" max:"256MiB" doc:"most bytes of a reply's body, decompressed, that does not stream"`
	Redirects        Redirects         `json:"redirects" doc:"which redirects of GET and HEAD requests are followed; other methods get the redirect as their reply"`
	TLS              TLS               `json:"tls" doc:"how the system's certificate is verified"`
}

// Auth is how the host authenticates to the system.
type Auth struct {
	Type     string `json:"type" default:"none" enum:"none,basic,bearer,header" doc:"none, basic (RFC 7617), bearer (RFC 6750) or header"`
	Username string `json:"username" doc:"of basic"`
	Password string `json:"password" secret:"within" doc:"of basic"`
	Token    string `json:"token" secret:"within" doc:"of bearer"`
	Header   string `json:"header" doc:"of header: its name, such as X-API-Key"`
	Value    string `json:"value" secret:"within" doc:"of header: its value"`
}

// Retries is how often a request is sent again.
type Retries struct {
	Max     int           `json:"max" default:"2" min:"0" max:"10" doc:"how often a request is sent again"`
	Backoff host.Duration `json:"backoff" default:"100ms" min:"1ms" max:"5s" doc:"before the first retry, doubled for each later one"`
}

// Redirects is which redirects are followed.
type Redirects struct {
	Follow     bool     `json:"follow" default:"true" doc:"whether any is"`
	Max        int      `json:"max" default:"5" min:"1" max:"20" doc:"how many in a row"`
	AllowHosts []string `json:"allow_hosts" doc:"hosts, with their ports where these are not the scheme's own, that a redirect may lead to besides the connection's own; credentials are not sent there"`
}

// TLS is how the system's certificate is verified, and the host's own.
type TLS struct {
	InsecureSkipVerify bool   `json:"insecure_skip_verify" doc:"accept any certificate"`
	CAPEM              string `json:"ca_pem" doc:"certificates to trust instead of the system's, PEM"`
	CertPEM            string `json:"cert_pem" doc:"the host's own certificate, PEM"`
	KeyPEM             string `json:"key_pem" secret:"true" doc:"the key of cert_pem, PEM"`
}

// Bounds of requests and of the configuration.
const (
	DefaultTimeout = 10 * time.Second
	MaxTimeout     = 10 * time.Minute
	maxBackoff     = 5 * time.Second
	maxEntries     = 128 // headers, query values, allowed hosts
)

// count returns an error when a list or map of the configuration is too long.
func count(field string, n int) error {
	if n > maxEntries {
		return host.FieldErrorf(field, "config.%s has %d entries, at most %d", field, n, maxEntries)
	}
	return nil
}

func entry(field, name string) string { return fmt.Sprintf("%s[%q]", field, host.Clip(name)) }
