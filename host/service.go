package host

import (
	"time"
)

// Kind says how a module is run.
type Kind string

// The kinds of modules.
const (
	KindPython Kind = "python" // Python source on the shared CPython
	KindCore   Kind = "core"   // Serai's own ABI
	KindWASI   Kind = "wasi"   // WASI preview 1 command: request on stdin, reply on stdout
	KindExtism Kind = "extism" // a plugin made with an Extism PDK
)

// Isolation says what a call finds in its instance.
type Isolation string

// The isolations.
const (
	Pristine Isolation = "pristine" // every call finds the image, byte for byte
	Warm     Isolation = "warm"     // calls of a service share instances and what they left
)

// Settings are what an author or operator chooses for a service; part of a
// version's identity.
type Settings struct {
	Routes    []Route   `json:"routes,omitempty"`
	Isolation Isolation `json:"isolation"`
	Limits    Limits    `json:"limits"`
	Grants    Grants    `json:"grants"`
	Entry     string    `json:"entry,omitempty"`  // Python: file to load
	Export    string    `json:"export,omitempty"` // function or class to run, where there are several
	Debug     Debug     `json:"debug,omitempty"`  // what clients see of a failure
}

// Debug says what API clients see of a failure of the service's own code.
// Only serai dev sets it.
type Debug string

// The degrees of openness.
const (
	DebugOff       Debug = ""          // a request id
	DebugTraceback Debug = "traceback" // the traceback
	DebugLocals    Debug = "locals"    // and in it the local values
)

// Route binds calls of the gateway to a service.
type Route struct {
	Host   string `json:"host,omitempty"`   // "" is any
	Method string `json:"method,omitempty"` // "" or "*" is any
	Path   string `json:"path"`             // /user/{id}; a last {rest...} takes the remaining segments
	Auth   string `json:"auth,omitempty"`   // name of a security definition; "" is none
	// MatchSlash lets a placeholder take slashes too.
	MatchSlash bool `json:"match_slash,omitempty"`
	// Accept is the media type that the service answers with, for several
	// routes that differ by it; "" is any.
	Accept string `json:"accept,omitempty"`
}

// Grants are what a service may use. Nil lists are the tenant's default: its
// own keys, configuration and services, and no connections. A list that is
// set, even an empty one, is the whole permission.
type Grants struct {
	Connections []string  `json:"connections,omitempty"`
	Services    *[]string `json:"services,omitempty"` // patterns such as "api.*"
	Keys        *[]string `json:"keys,omitempty"`     // patterns such as "notify.*"
	Config      *[]string `json:"config,omitempty"`   // patterns
}

// Service is one atomic job with a name.
type Service struct {
	Tenant  string    `json:"tenant"`
	Name    string    `json:"service"`
	Running string    `json:"version"` // digest of the version that serves calls
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Version is an immutable, content-addressed build of a service. Two deploys
// of the same content and settings are the same version.
type Version struct {
	Digest   string    `json:"version"` // "sha256:" and 64 hexadecimal digits
	Tenant   string    `json:"tenant"`
	Service  string    `json:"service"`
	Kind     Kind      `json:"kind"`
	Created  time.Time `json:"created"`
	Settings Settings  `json:"settings"`
	Source   string    `json:"source"`  // digest of the uploaded blob
	Runtime  string    `json:"runtime"` // digest of the language runtime; "" if none
	Image    string    `json:"image"`   // digest of the image file; "" if the kind has none
	// Fresh says that the module changes state that an image does not hold
	// (tables, dropped segments), so every call starts a new instance and
	// initialises it.
	Fresh      bool  `json:"fresh,omitempty"`
	ImageBytes int64 `json:"image_bytes"` // linear memory at the start of a call
	OwnBytes   int64 `json:"own_bytes"`   // of these, not shared with the base image
	// Upload is what the upload was called whose services have names of
	// their own; it is "" where the service was given its name.
	Upload string `json:"upload,omitempty"`
	About  About  `json:"about,omitzero"`
}

// About is what a service says of itself. It comes from the guest: clipped,
// and never trusted.
type About struct {
	Class   string   `json:"class,omitempty"`   // class or function
	File    string   `json:"file,omitempty"`    // of the upload
	Doc     string   `json:"doc,omitempty"`     // first line of its documentation
	Methods []string `json:"methods,omitempty"` // HTTP methods that it serves, all if there are none
}

// AuthType is a way to authenticate at a channel.
type AuthType string

// The types of security definitions.
const (
	AuthBasic  AuthType = "basic"   // RFC 7617
	AuthAPIKey AuthType = "api-key" // a key in a header, X-API-Key unless Header says otherwise
)

// AuthDefinition is a named way to authenticate, bound to routes by name.
type AuthDefinition struct {
	Tenant   string   `json:"tenant"`
	Name     string   `json:"name"`
	Type     AuthType `json:"type"`
	Username string   `json:"username,omitempty"` // basic
	Realm    string   `json:"realm,omitempty"`    // basic
	Header   string   `json:"header,omitempty"`   // api-key
	Hash     string   `json:"-"`                  // of the password or key, in PHC string format
}

// Connection is a configured, named use of a connector.
type Connection struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
	Type   string `json:"type"`   // the connector, such as "http"
	Config []byte `json:"config"` // JSON by the connector's schema; secrets are references ${secret:NAME}
	// AllowNetworks are CIDR prefixes outside the public Internet that the
	// operator lets this connection reach; only the operator sets it.
	AllowNetworks []string `json:"allow_networks,omitempty"`
}
