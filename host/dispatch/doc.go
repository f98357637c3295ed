// Package dispatch brings calls to instances: it finds a service's running
// version, admits the call within the limits of host, tenant and service,
// leases an instance, runs the call in it, makes the instance pristine and
// returns it to its pool.
package dispatch
