package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Kinds of what a tenant configures, as [ItemError] names them.
const (
	KindConfig     = "config"
	KindSecret     = "secret"
	KindSecurity   = "security"
	KindConnection = "connection"
	KindService    = "service"
	KindChannel    = "channel"
)

// Edit is changes of one tenant that are made together or not at all. What it
// puts belongs to that tenant, whichever it names.
type Edit struct {
	// Since, unless nil, is what the changes were decided on: if anything
	// in it is different by now, nothing changes and the error is ErrChanged.
	Since *State
	// DryRun finds out whether the changes could be made, and makes none.
	DryRun bool

	Config      map[string][]byte
	Secrets     map[string][]byte // in clear
	Auths       []host.AuthDefinition
	Connections []host.Connection
	Channels    []host.Channel
	// Activate makes versions the running ones of their services. It
	// records those that are new, creates services that are new, and
	// replaces their routes in the routing table. A version that was
	// recorded before keeps its Created; a zero Created becomes now.
	Activate []host.Version
	Delete   Names
}

// Names are what an [Edit] deletes. All of them exist.
type Names struct {
	Config, Secrets, Auths, Connections, Channels []string
	// Services go with their routes; their versions are left for
	// [Catalog.PurgeVersions].
	Services []string
}

// ErrChanged says that what an [Edit] was decided on is no longer so.
var ErrChanged error = &host.Error{Code: abi.Conflict, Message: "the tenant was changed at the same time; try again"}

// ItemError is an error about one item of an [Edit].
type ItemError struct {
	Kind, Name string
	Err        error
}

// Error returns what is wrong with the item.
func (e *ItemError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the item.
func (e *ItemError) Unwrap() error { return e.Err }

func about(kind, name string, err error) error {
	if err == nil {
		return nil
	}
	return &ItemError{kind, name, err}
}

// fatal reports whether an error is of the store, not about an item, so that
// a transaction cannot go on to find more.
func fatal(err error) bool {
	_, coded := errors.AsType[*host.Error](err)
	return err != nil && !coded
}

// Edit makes changes in one transaction. Old routes make room before new ones
// are added, so a path may move between services and channels.
//
// Errors: NotFound without the tenant; [ErrChanged]; otherwise one or more
// joined [ItemError]: Invalid when a name, a digest or a value is malformed
// or a security definition that something names does not exist; Denied on
// field "quota.services" beyond what the tenant may have, and beyond
// [MaxChannels]; Conflict on field "route" of a service or "path" of a channel
// when another one, of this or another tenant, takes the same requests, and
// on field "auth" when something uses a definition that is deleted.
func (c *Catalog) Edit(ctx context.Context, tenant string, e Edit) error {
	routes, err := e.check(tenant)
	if err != nil {
		return err
	}
	sealed := make(map[string][]byte, len(e.Secrets))
	for name, value := range e.Secrets {
		sealed[name] = c.box.Seal(value, secretUse(tenant, name))
	}
	err = c.retryPurged(ctx, tenant, func(tx host.Tx) error {
		owner, err := liveTenant(tx, tenant)
		if err != nil {
			return err
		}
		if e.Since != nil {
			now, err := fingerprint(tx, tenant)
			if err != nil {
				return err
			}
			if now != e.Since.fingerprint {
				return ErrChanged
			}
		}
		for _, step := range []func() error{
			func() error { return e.deleteEntries(tx, tenant) },
			func() error { return e.putValues(tx, tenant, sealed) },
			func() error { return e.putDefinitions(tx) },
			func() error { return c.switchServices(tx, owner.Tenant, e, routes) },
			func() error { return e.deleteValues(tx, tenant) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		if e.DryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// errDryRun ends a transaction that would have succeeded.
var errDryRun = errors.New("dry run")

// check validates what needs no look at the catalogue, and returns the
// canonical routes of the versions.
func (e *Edit) check(tenant string) (routes [][]host.Route, err error) {
	var all []error
	note := func(kind, name string, err error) { all = append(all, about(kind, name, err)) }
	for key, value := range e.Config {
		note(KindConfig, key, checkConfig(key, value))
	}
	for name, value := range e.Secrets {
		note(KindSecret, name, checkSecret(name, value))
	}
	e.Auths = slices.Clone(e.Auths)
	for i := range e.Auths {
		e.Auths[i].Tenant = tenant
		note(KindSecurity, e.Auths[i].Name, checkAuth(&e.Auths[i]))
	}
	e.Connections = slices.Clone(e.Connections)
	for i := range e.Connections {
		e.Connections[i].Tenant = tenant
		note(KindConnection, e.Connections[i].Name, checkConnection(e.Connections[i]))
	}
	e.Activate = slices.Clone(e.Activate)
	routes = make([][]host.Route, len(e.Activate))
	for i, v := range e.Activate {
		e.Activate[i].Tenant = tenant
		err := checkVersion(v)
		if err == nil {
			routes[i], err = normalizeRoutes(v.Settings.Routes)
		}
		note(KindService, v.Service, err)
	}
	return routes, errors.Join(all...)
}

// deleteEntries removes what holds routes, which makes room for others.
func (e *Edit) deleteEntries(tx host.Tx, tenant string) error {
	for _, name := range e.Delete.Channels {
		if err := deleteChannel(tx, tenant, name); err != nil {
			return about(KindChannel, name, err)
		}
	}
	for _, name := range e.Delete.Services {
		if err := deleteService(tx, tenant, name); err != nil {
			return about(KindService, name, err)
		}
	}
	return nil
}

func (e *Edit) putValues(tx host.Tx, tenant string, sealed map[string][]byte) error {
	for key, value := range e.Config {
		if err := putData(tx, tenant, dataConfig, key, value); err != nil {
			return err
		}
	}
	for name, value := range sealed {
		if err := putData(tx, tenant, dataSecret, name, value); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) putDefinitions(tx host.Tx) error {
	for _, a := range e.Auths {
		if err := putAuth(tx, a); err != nil {
			return about(KindSecurity, a.Name, err)
		}
	}
	for _, conn := range e.Connections {
		if err := putConnection(tx, conn); err != nil {
			return about(KindConnection, conn.Name, err)
		}
	}
	return nil
}

// switchServices makes the versions run and puts the channels, whose routes
// may change places.
func (c *Catalog) switchServices(tx host.Tx, owner host.Tenant, e Edit, routes [][]host.Route) error {
	services := make([]serviceRecord, len(e.Activate))
	var err error
	for i, v := range e.Activate {
		if services[i], err = c.serviceToSwitch(tx, owner, v.Service); err != nil {
			return about(KindService, v.Service, err)
		}
		if err := removeRoutes(tx, services[i].Routes); err != nil {
			return err
		}
	}
	var all []error
	if len(e.Channels) > 0 {
		err := putChannels(tx, owner.Name, e.Channels...)
		if fatal(err) {
			return err
		}
		all = append(all, err)
	}
	for i, v := range e.Activate {
		err := c.activate(tx, v, services[i], routes[i])
		if fatal(err) {
			return err
		}
		all = append(all, about(KindService, v.Service, err))
	}
	return errors.Join(all...)
}

// deleteValues removes what nothing may use any more by now.
func (e *Edit) deleteValues(tx host.Tx, tenant string) error {
	var all []error
	for _, name := range e.Delete.Auths {
		all = append(all, about(KindSecurity, name, deleteAuth(tx, tenant, name)))
	}
	for _, d := range []struct {
		record      byte
		kind, title string
		names       []string
	}{
		{dataConn, KindConnection, "connection", e.Delete.Connections},
		{dataConfig, KindConfig, "configuration key", e.Delete.Config},
		{dataSecret, KindSecret, "secret", e.Delete.Secrets},
	} {
		for _, name := range d.names {
			all = append(all, about(d.kind, name, removeData(tx, tenant, d.record, d.title, name)))
		}
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("deleting: %w", err)
	}
	return nil
}
