package host

import (
	"regexp"
	"time"
)

// DefaultTenant is the tenant that clients mean when they name none.
const DefaultTenant = "default"

// Tenant is the boundary of isolation, naming, quota and billing.
type Tenant struct {
	Name    string    `json:"tenant"`
	Created time.Time `json:"created"`
	Quota   Quota     `json:"quota"`
	// TokenHash is the SHA-256 of the tenant's token, which has 256 random
	// bits of its own and so needs no slow hash.
	TokenHash []byte `json:"-"`
}

// Quota is the most that a tenant's services may ask for, one by one and together.
type Quota struct {
	Memory       Bytes    `json:"memory"`        // linear memory of one instance
	Timeout      Duration `json:"timeout"`       // wall and CPU time of one call
	RequestBytes Bytes    `json:"request_bytes"` // body of a request
	ReplyBytes   Bytes    `json:"reply_bytes"`   // body of a reply
	ModuleBytes  Bytes    `json:"module_bytes"`  // an upload
	InFlight     int      `json:"in_flight"`     // calls of the tenant at once
	Services     int      `json:"services"`      // services of the tenant
	KVBytes      Bytes    `json:"kv_bytes"`      // one value in the key/value store
	// Operations of the tenant's connections at once, and the bodies of their
	// requests and replies that the host holds.
	Operations     int   `json:"operations"`
	OperationBytes Bytes `json:"operation_bytes"`
}

// DefaultQuota is what a tenant gets that is created without one.
func DefaultQuota() Quota {
	return Quota{
		Memory:       512 * MiB,
		Timeout:      Duration(10 * time.Minute),
		RequestBytes: 16 * MiB,
		ReplyBytes:   16 * MiB,
		ModuleBytes:  64 * MiB,
		InFlight:     4096,
		Services:     10000,
		KVBytes:      1 * MiB,

		Operations:     2048,
		OperationBytes: 256 * MiB,
	}
}

// Limits bound one service. Every limit that is hit has an error of its own.
type Limits struct {
	Memory       Bytes    `json:"memory"`        // linear memory of an instance
	Timeout      Duration `json:"timeout"`       // wall time of a call, blocked host calls included
	CPU          Duration `json:"cpu"`           // CPU time of a call
	RequestBytes Bytes    `json:"request_bytes"` // body of a request
	ReplyBytes   Bytes    `json:"reply_bytes"`   // body of a reply
	LogBytes     Bytes    `json:"log_bytes"`     // log output of a call; the rest is dropped with a note
	InFlight     int      `json:"in_flight"`     // calls of the service at once
	Queue        int      `json:"queue"`         // calls that wait for their turn
	InvokeDepth  int      `json:"invoke_depth"`  // services that call services
}

// DefaultLimits are the limits of a service that sets none.
func DefaultLimits() Limits {
	return Limits{
		Memory:       256 * MiB,
		Timeout:      Duration(30 * time.Second),
		CPU:          Duration(30 * time.Second),
		RequestBytes: 4 * MiB,
		ReplyBytes:   4 * MiB,
		LogBytes:     256 * KiB,
		InFlight:     2048,
		Queue:        2048,
		InvokeDepth:  8,
	}
}

// tenantName is narrower than other names, since tenants appear in paths, files and metrics.
var tenantName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckTenantName returns an [Error] about field "tenant" unless s can name a tenant.
func CheckTenantName(s string) error {
	if !tenantName.MatchString(s) {
		return FieldErrorf("tenant", "tenant name %q: use 1 to 63 lower-case letters, digits and inner hyphens", Clip(s))
	}
	return nil
}

// CheckName returns an [Error] about field unless s can name a service,
// a connection or a security definition.
func CheckName(field, s string) error {
	if !isName(s) {
		return FieldErrorf(field, "%s %q: use 1 to 128 letters, digits, and inner dots, hyphens, underscores and spaces", field, Clip(s))
	}
	return nil
}

// isName is written out, since each call of a service by another asks for it.
func isName(s string) bool {
	if s == "" || len(s) > 128 || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '.' && c != '_' && c != ' ' && c != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool { return c-'0' < 10 || c|0x20-'a' < 26 }

// Clip shortens a foreign string for use in a message.
func Clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
