package config

import (
	"encoding/json"

	"github.com/seraihost/serai/host"
)

// Document is a serai.yaml. Names are keys, so that none occurs twice. The
// JSON form is what a client sends to a host.
type Document struct {
	Config      map[string]string     `json:"config,omitempty"`
	Secrets     map[string]Secret     `json:"secrets,omitempty"`
	Security    map[string]Security   `json:"security,omitempty"`
	Connections map[string]Connection `json:"connections,omitempty"`
	Services    []Service             `json:"services,omitempty"`
	Channels    map[string]Channel    `json:"channels,omitempty"`
}

// Secret is a value that a host keeps and never shows. In a document it is
// usually "${env:NAME}"; when that variable is unset, Value is nil and the
// host keeps the value that it has.
type Secret struct {
	Value    *string `json:"value,omitempty"`
	Variable string  `json:"variable,omitempty"` // of the environment, for messages
}

// Security is a definition of how clients authenticate.
type Security struct {
	Type     host.AuthType `json:"type"`
	Username string        `json:"username,omitempty"` // basic
	Realm    string        `json:"realm,omitempty"`    // basic
	Header   string        `json:"header,omitempty"`   // api-key
	Password *Secret       `json:"password,omitempty"` // basic
	Key      *Secret       `json:"key,omitempty"`      // api-key
}

// Secret returns the password or key, nil if the document has none.
func (s Security) Secret() *Secret {
	if s.Type == host.AuthAPIKey {
		return s.Key
	}
	return s.Password
}

// Connection is a configured use of another system. In YAML the keys of its
// Config stand beside type.
type Connection struct {
	Type          string          `json:"type"`
	AllowNetworks []string        `json:"allow_networks,omitempty"`
	Config        json.RawMessage `json:"config,omitempty"`
}

// Service is an upload, or settings of a service that is there.
type Service struct {
	// Path of a file or folder, relative to the document; "" means that the
	// service Name exists and only its settings are given.
	Path string `json:"path,omitempty"`
	// Name is required without a path, and overrides that of the only
	// service which the path holds.
	Name string `json:"name,omitempty"`
	Settings
	// Services are settings of single services of the path, by name; what
	// they leave out is as above.
	Services map[string]Settings `json:"services,omitempty"`
}

// Settings are how services run; what is left out is the default.
type Settings struct {
	Isolation   host.Isolation `json:"isolation,omitempty"`
	Memory      *host.Bytes    `json:"memory,omitempty"`
	Timeout     *host.Duration `json:"timeout,omitempty"`
	CPU         *host.Duration `json:"cpu,omitempty"`
	RequestSize *host.Bytes    `json:"request_size,omitempty"`
	ReplySize   *host.Bytes    `json:"reply_size,omitempty"`
	LogSize     *host.Bytes    `json:"log_size,omitempty"`
	InFlight    *int           `json:"in_flight,omitempty"`
	Queue       *int           `json:"queue,omitempty"`
	InvokeDepth *int           `json:"invoke_depth,omitempty"`
	Grants      *host.Grants   `json:"grants,omitempty"`
	Routes      []host.Route   `json:"routes,omitempty"`
	Entry       string         `json:"entry,omitempty"`
	Export      string         `json:"export,omitempty"`
}

// Over returns the settings of s where they are given, and of base elsewhere.
func (s Settings) Over(base Settings) Settings {
	out := base
	set(&out.Isolation, s.Isolation)
	set(&out.Memory, s.Memory)
	set(&out.Timeout, s.Timeout)
	set(&out.CPU, s.CPU)
	set(&out.RequestSize, s.RequestSize)
	set(&out.ReplySize, s.ReplySize)
	set(&out.LogSize, s.LogSize)
	set(&out.InFlight, s.InFlight)
	set(&out.Queue, s.Queue)
	set(&out.InvokeDepth, s.InvokeDepth)
	set(&out.Grants, s.Grants)
	set(&out.Entry, s.Entry)
	set(&out.Export, s.Export)
	if s.Routes != nil {
		out.Routes = s.Routes
	}
	return out
}

func set[T comparable](to *T, v T) {
	var zero T
	if v != zero {
		*to = v
	}
}
