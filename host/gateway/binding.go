package gateway

import (
	"cmp"
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
	// Channel is set if the route is a channel's: its own settings hold then,
	// of the route what requests it matches.
	Channel *host.Channel
	// Missing says that there is no such service now.
	Missing bool
}

// snapshot is what a request is judged by. It never changes; SetBindings
// replaces it as a whole.
type snapshot struct {
	table    *route.Table
	bindings []bound
	auth     Authenticator
}

// bound is a binding with what can be known before a request comes.
type bound struct {
	Binding
	params      []string    // names of the parameters' fields, in order
	fields      []abi.Field // of every call
	demand      Demand
	contentType string // of replies that have none, if set
}

func bind(b Binding) bound {
	out := bound{Binding: b, params: paramFields(b.Route.Path), demand: Demand{Tenant: b.Tenant}}
	if b.Route.Auth != "" {
		out.demand.Names = []string{b.Route.Auth}
	}
	if c := b.Channel; c != nil {
		out.demand.Names, out.demand.Realm = c.Auth, c.Realm
		out.contentType = cmp.Or(c.ContentType, c.DataFormat.ContentType())
		out.fields = channelFields(c, out.contentType)
	}
	return out
}

// channelFields returns what a service is told of its channel. What is the
// default is left out.
func channelFields(c *host.Channel, contentType string) []abi.Field {
	merge := ""
	if !c.Merges() {
		merge = "0"
	}
	var out []abi.Field
	for _, f := range []abi.Field{
		{Name: abi.FieldChannelName, Value: c.Name},
		{Name: abi.FieldDataFormat, Value: string(c.DataFormat)},
		{Name: abi.FieldReplyContentType, Value: contentType},
		{Name: abi.FieldMergeParams, Value: merge},
		{Name: abi.FieldParamsPriority, Value: string(c.ParamsPriority)},
		{Name: abi.FieldURLParamsPriority, Value: string(c.URLParamsPriority)},
	} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

// SetBindings replaces the routes and the security definitions at once.
// Requests under way keep what they began with. A binding that is malformed,
// or that matches the same requests as one before it, is left out, and the
// error says which; the others are in force all the same.
func (g *Gateway) SetBindings(bindings []Binding, auth Authenticator) error {
	entries := make([]route.Entry, len(bindings))
	all := make([]bound, len(bindings))
	for i, b := range bindings {
		all[i] = bind(b)
		r := b.Route
		entries[i] = route.Entry{Host: r.Host, Method: r.Method, Path: r.Path, MatchSlash: r.MatchSlash, Accept: r.Accept, Target: i}
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
		for _, name := range s.Names {
			out = append(out, abi.PrefixParam+name)
		}
	}
	return out
}
