package connector

import (
	"context"
	"fmt"
)

// DefineBuiltin returns the connector of something that the host itself has,
// such as its key/value store. Its operations have no connection; they check
// the grants of their scope themselves. k is what they work on; a connector
// that is only described may do without.
func DefineBuiltin[K any](kind, doc string, k K, ops ...Operation[K]) Connector {
	if kind == "" || doc == "" {
		panic(fmt.Sprintf("connector: the builtin connector %q is incomplete", kind))
	}
	out := Connector{Type: kind, Doc: doc, Builtin: true}
	for _, op := range ops {
		info := op.OpInfo
		info.Do = func(ctx context.Context, _ Conn, r *Request) (*Result, error) { return op.do(ctx, k, r) }
		out.Ops = append(out.Ops, info)
	}
	return out
}

// Builtins returns the operations of builtin connectors.
func Builtins(connectors ...Connector) []Op {
	var out []Op
	for _, c := range connectors {
		for _, op := range c.Ops {
			out = append(out, Op{Name: op.Name, Doc: op.Doc, Streams: op.Request.Body.Streams, Do: func(ctx context.Context, r *Request) (*Result, error) {
				return op.Do(ctx, nil, r)
			}})
		}
	}
	return out
}
