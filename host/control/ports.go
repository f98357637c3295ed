package control

import (
	"context"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/apply"
	"github.com/seraihost/serai/host/config"
)

// Deployer makes versions live. Errors are *[host.Error]; an upload whose
// own code failed carries the failure in Detail.
type Deployer interface {
	// Deploy validates, builds, stores and switches. When it fails, the
	// version that runs is untouched.
	Deploy(ctx context.Context, up host.Upload) (*host.Receipt, error)
	// DeployAll is Deploy for an upload whose services have names of their
	// own: all of them or none. settings returns those of each.
	DeployAll(ctx context.Context, up host.Upload, settings func(service string) (host.Settings, error)) ([]host.Receipt, error)
	// Rollback makes an earlier version the running one; "" is the one
	// before. The version may be a unique prefix of a digest.
	Rollback(ctx context.Context, tenant, service, version string) (*host.Receipt, error)
	// Source returns the content that the running version of a service was
	// made from, as an upload would bring it.
	Source(ctx context.Context, tenant, service string) (host.Upload, error)
	// Delete drains and removes a service with its versions.
	Delete(ctx context.Context, tenant, service string) error
}

// Applier makes a tenant what a document says. Errors about the document are
// [host.FieldErrors].
type Applier interface {
	Apply(ctx context.Context, r apply.Request) (*config.Plan, error)
	// Export returns a tenant as a document.
	Export(ctx context.Context, tenant string) (*config.Export, error)
}

// Catalog is the part of the catalogue that the control API uses. Errors
// have the codes NotFound, Conflict and Invalid.
type Catalog interface {
	TenantCatalog
	ServiceCatalog
	ChannelCatalog
	AuthCatalog
	ConnectionCatalog
	ConfigCatalog
	SecretCatalog
}

// TenantCatalog keeps tenants.
type TenantCatalog interface {
	CreateTenant(ctx context.Context, t host.Tenant) error
	Tenant(ctx context.Context, name string) (host.Tenant, error)
	Tenants(ctx context.Context) ([]host.Tenant, error)
	UpdateTenant(ctx context.Context, t host.Tenant) error
	DeleteTenant(ctx context.Context, name string) error
	TenantByTokenHash(ctx context.Context, hash []byte) (host.Tenant, error)
}

// ServiceCatalog reads services and versions; the [Deployer] writes them.
type ServiceCatalog interface {
	Service(ctx context.Context, tenant, name string) (host.Service, error)
	Services(ctx context.Context, tenant string) ([]host.Service, error)
	Version(ctx context.Context, tenant, service, digest string) (host.Version, error)
	Versions(ctx context.Context, tenant, service string) ([]host.Version, error)
}

// ChannelCatalog keeps channels.
type ChannelCatalog interface {
	// PutChannel creates or replaces a channel. It answers Conflict if its
	// requests are another one's.
	PutChannel(ctx context.Context, c host.Channel) error
	Channel(ctx context.Context, tenant, name string) (host.Channel, error)
	Channels(ctx context.Context, tenant string) ([]host.Channel, error)
	DeleteChannel(ctx context.Context, tenant, name string) error
}

// AuthCatalog keeps security definitions.
type AuthCatalog interface {
	PutAuth(ctx context.Context, a host.AuthDefinition) error
	Auth(ctx context.Context, tenant, name string) (host.AuthDefinition, error)
	Auths(ctx context.Context, tenant string) ([]host.AuthDefinition, error)
	// DeleteAuth answers Conflict while a route or a channel uses the definition.
	DeleteAuth(ctx context.Context, tenant, name string) error
}

// ConnectionCatalog keeps connections.
type ConnectionCatalog interface {
	PutConnection(ctx context.Context, c host.Connection) error
	Connection(ctx context.Context, tenant, name string) (host.Connection, error)
	Connections(ctx context.Context, tenant string) ([]host.Connection, error)
	DeleteConnection(ctx context.Context, tenant, name string) error
}

// ConfigCatalog keeps a tenant's configuration values.
type ConfigCatalog interface {
	SetConfig(ctx context.Context, tenant, key string, value []byte) error
	Config(ctx context.Context, tenant, key string) ([]byte, error)
	ConfigKeys(ctx context.Context, tenant, prefix string) ([]string, error)
	DeleteConfig(ctx context.Context, tenant, key string) error
}

// SecretCatalog keeps secrets, encrypted. The control API never reads one.
type SecretCatalog interface {
	SetSecret(ctx context.Context, tenant, name string, value []byte) error
	SecretNames(ctx context.Context, tenant string) ([]string, error)
	DeleteSecret(ctx context.Context, tenant, name string) error
}

// Intake says how channels do that receive messages, and has what they have
// put aside.
type Intake interface {
	// State is false for a channel that receives nothing.
	State(tenant, name string) (host.ChannelState, bool)
	// Parked lists the oldest messages that were put aside.
	Parked(ctx context.Context, c host.Channel, most int) ([]host.ParkedMessage, error)
	// Settle takes away a message, or all if id is "", and returns how many;
	// with retry they go back to the channel.
	Settle(ctx context.Context, c host.Channel, id string, retry bool) (int, error)
}
