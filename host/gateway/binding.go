package gateway

import (
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway/route"
)

// Binding is a route and the service behind it.
type Binding struct {
	Tenant  string
	Service string
	Route   host.Route
}

// snapshot is what a request is judged by. It never changes; SetBindings
// replaces it as a whole.
type snapshot struct {
	table    *route.Table
	bindings []bound
	auth     Authenticator
}

// bound is a binding with the names of its parameters' fields, in order.
type bound struct {
	Binding
	params []string
}

// SetBindings replaces the routes and the security definitions at once.
// Requests under way keep what they began with. A binding that is malformed,
// or that matches the same requests as one before it, is left out, and the
// error says which; the others are in force all the same.
func (g *Gateway) SetBindings(bindings []Binding, auth Authenticator) error {
	entries := make([]route.Entry, len(bindings))
	all := make([]bound, len(bindings))
	for i, b := range bindings {
		all[i] = bound{b, paramFields(b.Route.Path)}
		entries[i] = route.Entry{Host: b.Route.Host, Method: b.Route.Method, Path: b.Route.Path, Target: i}
	}
	table, err := route.Build(entries)
	g.current.Store(&snapshot{table: table, bindings: all, auth: auth})
	if err != nil {
		return fmt.Errorf("building routing table: %w", err)
	}
	return nil
}

// paramFields returns the names of the envelope's fields for the parameters
// of a pattern; a malformed one has none.
func paramFields(pattern string) []string {
	segments, err := route.Parse(pattern)
	if err != nil {
		return nil // Build reports it
	}
	var out []string
	for _, s := range segments {
		if s.Kind != route.Literal {
			out = append(out, abi.PrefixParam+s.Text)
		}
	}
	return out
}
