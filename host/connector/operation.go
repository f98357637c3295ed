package connector

import (
	"context"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Operation is something that a service does with a connection. It is made by
// [NewOperation].
type Operation[K any] struct {
	OpInfo
	do func(ctx context.Context, conn K, r *Request) (*Result, error)
}

// OpInfo describes an [Operation] without its types.
type OpInfo struct {
	Name, Doc      string // such as "redis.commands"; one sentence
	Request, Reply Form
	// Retry says that doing it twice does no harm, so that it is repeated
	// when the connection turns out to be lost.
	Retry bool
	// Do performs it within ctx, which ends with the service's call.
	Do func(ctx context.Context, conn Conn, r *Request) (*Result, error)
}

// Feature is what is special about an operation.
type Feature int

// Retry says that doing the operation twice does no harm.
const Retry Feature = 1

// None is the request or reply of an operation that has nothing in it.
type None = struct{}

// NewOperation returns an operation whose name begins with the connector's
// type, such as "redis.commands", and whose doc is one sentence.
//
// In and Out are structs whose tags [FormOf] reads; in is what the service
// sent, checked against them, and its body is valid until do returns. r has
// the scope. do performs the operation within ctx, which ends with the
// service's call. The pool has checked grants and limits, and turns errors
// into codes: a *host.Error as it is, ErrNotConnected into Unavailable, others
// into Remote with their text.
//
// Types that make no sense are a fault of the program and panic.
func NewOperation[K, In, Out any](name, doc string, do func(ctx context.Context, conn K, r *Request, in In) (Out, error), features ...Feature) Operation[K] {
	request, reply := formFor[In](false), formFor[Out](true)
	op := Operation[K]{OpInfo: OpInfo{Name: name, Doc: doc, Request: request.Form, Reply: reply.Form}}
	for _, f := range features {
		op.Retry = op.Retry || f == Retry
	}
	if name == "" || doc == "" || do == nil {
		panic(fmt.Sprintf("connector: operation %q is incomplete", name))
	}
	op.do = func(ctx context.Context, conn K, r *Request) (*Result, error) {
		var both struct { // allocated together
			in  In
			out Out
		}
		err := request.decode(&both.in, name, r)
		if err != nil {
			return nil, err
		}
		if both.out, err = do(ctx, conn, r, both.in); err != nil {
			return nil, err
		}
		return reply.encode(&both.out), nil
	}
	return op
}

// info returns the operation without its types.
func (o Operation[K]) info() OpInfo {
	out := o.OpInfo
	out.Do = func(ctx context.Context, conn Conn, r *Request) (*Result, error) {
		k, ok := conn.(K)
		if !ok {
			return nil, fmt.Errorf("the connection is a %T", conn) // the pool opens what the type's Open returned
		}
		return o.do(ctx, k, r)
	}
	return out
}

// framework are the fields that requests of all operations may have.
var framework = []string{abi.FieldOp, abi.FieldConnection, abi.FieldStreamReply, abi.FieldStreamBody, abi.FieldStreamLength}

func unknownField(op, name string, f Form) error {
	return host.FieldErrorf(host.Clip(name), "%s has no field %q: use %s", op, host.Clip(name), f.names())
}
