// Package pool looks after the connections of all tenants, whatever their
// connector: it reads their configuration, opens them when they are first
// used, opens them anew when they were lost or changed, keeps off systems that
// are down, bounds what is in flight, and turns what goes wrong into errors
// that a service can act on. A connector is only its protocol.
package pool
