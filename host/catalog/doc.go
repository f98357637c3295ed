// Package catalog keeps what the host knows in a [host.Store]: tenants,
// services and their versions, the routing table, security definitions,
// connections, configuration and secrets.
//
// Every method returns an error that is or wraps a *host.Error with one of
// the codes NotFound, Conflict, Invalid, Limit or TooLarge, or what the store
// returned, which counts as Internal unless the store coded it. Every method
// that takes a tenant's name returns NotFound when there is no such tenant.
// Nothing that one tenant's call returns depends on another tenant, but for
// the Conflict of a route that is taken.
package catalog
