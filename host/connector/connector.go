// Package connector is what the author of a connector imports: the
// operations that guests reach through the ABI's call function.
package connector

import (
	"context"
	"fmt"
	"io"
	"sort"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Request is one operation that a guest asks for.
type Request struct {
	Scope    Scope
	Envelope abi.Envelope // the fields of the operation; FieldOp is among them
	Body     []byte       // the payload; valid until Do returns
	// Stream, if not nil, is the payload instead of Body, and comes as it is
	// read, once. It is valid until Do returns.
	Stream io.Reader
	Length int64 // bytes in Stream, -1 if unknown
	// Streams says that the guest takes a reply that streams. An operation that
	// can then answers with [Result].Stream rather than hold a long reply.
	Streams bool
}

// Scope says on whose behalf an operation runs.
type Scope struct {
	Tenant  string
	Service string
	CID     string
	// Call tells the calls of this host apart, which CID does not: clients
	// choose one, and services that invoke each other share it.
	Call   uint64
	Depth  int // of service-to-service calls
	Limits host.Limits
	Quota  host.Quota
	Grants host.Grants
}

// Result is what an operation answers.
type Result struct {
	Envelope abi.Envelope
	Body     []byte
	// Stream, if not nil, is the payload instead of Body, for who asked for
	// it with [Request].Streams. Whoever has the result closes it. A Read that
	// waits ends with the context of the operation; a payload that breaks off
	// is an error other than io.EOF.
	Stream io.ReadCloser
	// Release, if not nil, is called by whoever has the result when its body
	// is not in use any more, so that it does not count against the tenant;
	// at the latest the end of the call does. It may be called again.
	Release func()
}

// Op is one operation of a connector.
type Op struct {
	Name string // such as "kv.get"
	Doc  string // one sentence
	// Do performs the operation. ctx ends with the call's deadline. An
	// error becomes a code and a message for the guest by host.CodeOf and
	// host.MessageOf. Do checks the grants of its scope.
	Do func(ctx context.Context, r *Request) (*Result, error)
	// Streams says that Do takes Request.Stream.
	Streams bool
}

// Registry finds operations by name. It is filled before the host starts
// and only read after that.
type Registry struct{ ops map[string]Op }

// NewRegistry returns a registry with the operations; a name that occurs
// twice is a fault of the program and panics.
func NewRegistry(ops ...Op) *Registry {
	r := &Registry{ops: make(map[string]Op, len(ops))}
	for _, op := range ops {
		if _, dup := r.ops[op.Name]; dup || op.Do == nil {
			panic(fmt.Sprintf("connector: operation %q is registered twice or does nothing", op.Name))
		}
		r.ops[op.Name] = op
	}
	return r
}

// Do runs the operation that the request names.
func (r *Registry) Do(ctx context.Context, req *Request) (*Result, error) {
	name := req.Envelope.Get(abi.FieldOp)
	op, ok := r.ops[name]
	if !ok {
		return nil, host.Errorf(abi.Unsupported, "operation %q does not exist", host.Clip(name))
	}
	return op.Do(ctx, req)
}

// CheckStream returns an error unless the operation that the request names
// takes a body that streams.
func (r *Registry) CheckStream(req *Request) error {
	name := req.Envelope.Get(abi.FieldOp)
	if op, ok := r.ops[name]; ok && !op.Streams {
		return host.FieldErrorf("body", "%s takes no body that streams: send it whole", name)
	}
	return nil
}

// Ops returns all operations in the order of their names.
func (r *Registry) Ops() []Op {
	out := make([]Op, 0, len(r.ops))
	for _, op := range r.ops {
		out = append(out, op)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
