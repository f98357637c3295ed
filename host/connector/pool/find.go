package pool

import (
	"context"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Lister is what a [Source] implements, too, whose connections can be found
// by a grant that is a pattern. Without it, connectors that search find those
// that grants name in full.
type Lister interface {
	Connections(ctx context.Context, tenant string) ([]host.Connection, error)
}

// directory is the connections of a type that a scope may use.
type directory struct {
	pool  *Pool
	kind  string
	scope connector.Scope
}

// Granted implements [connector.Directory].
func (d directory) Granted(ctx context.Context) ([]string, error) {
	var names []string
	patterns := false
	for _, g := range d.scope.Grants.Connections {
		if strings.HasSuffix(g, "*") {
			patterns = true
		} else {
			names = append(names, g)
		}
	}
	lister, ok := d.pool.source.(Lister)
	if !patterns || !ok {
		return names, nil
	}
	all, err := lister.Connections(ctx, d.scope.Tenant)
	if err != nil {
		return nil, err
	}
	for _, conn := range all {
		if conn.Type == d.kind && !slices.Contains(names, conn.Name) && d.scope.CheckConnection(conn.Name) == nil {
			names = append(names, conn.Name)
		}
	}
	return names, nil
}

// errLooked says nothing about a system.
var errLooked = host.Errorf(abi.Unsupported, "looked only")

// Use implements [connector.Directory]. Whether the system is down does not
// matter: it is not asked.
func (d directory) Use(ctx context.Context, name string, fn func(conn connector.Conn) error) error {
	if err := d.scope.CheckConnection(name); err != nil {
		return err
	}
	s, err := d.pool.slot(key{d.scope.Tenant, name})
	if err != nil {
		return err
	}
	l, err := s.look(ctx, d.kind)
	if err != nil {
		return s.explain(ctx.Err(), nil, err)
	}
	defer s.release(nil, l, false, errLooked)
	return fn(l.conn)
}
