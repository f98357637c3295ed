package dispatch

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Ops returns the operation by which services call services and wait for the
// reply. invoker is the dispatcher, which needs the operations in turn.
func Ops(invoker func() host.Invoker) []connector.Op {
	return []connector.Op{
		{
			Name: abi.OpInvoke,
			Doc:  "Calls a service of the same tenant and waits for its reply.",
			Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
				return invokeSync(ctx, invoker(), r)
			},
		},
	}
}

// target returns the call that a request asks for.
func target(r *connector.Request) (*host.Call, error) {
	name := r.Envelope.Get(abi.FieldService)
	if err := host.CheckName("service", name); err != nil {
		return nil, err
	}
	if err := r.Scope.CheckService(name); err != nil {
		return nil, err
	}
	if name == r.Scope.Service {
		return nil, host.FieldErrorf(abi.FieldService, "service %q invokes itself and would wait for itself: call a function, or use invoke_async", name)
	}
	call := &host.Call{
		Tenant: r.Scope.Tenant, Service: name, CID: r.Scope.CID, Channel: abi.ChannelInvoke,
		Body: r.Body, Depth: r.Scope.Depth + 1,
	}
	if cid, ok := r.Envelope.Lookup(abi.FieldCID); ok {
		if err := host.CheckCID(cid); err != nil {
			return nil, err
		}
		call.CID = cid
	}
	for _, f := range r.Envelope {
		if strings.HasPrefix(f.Name, abi.PrefixHeader) {
			call.Envelope = append(call.Envelope, f)
		}
	}
	return call, nil
}

func invokeSync(ctx context.Context, invoker host.Invoker, r *connector.Request) (*connector.Result, error) {
	call, err := target(r)
	if err != nil {
		return nil, err
	}
	if text, ok := r.Envelope.Lookup(abi.FieldTimeout); ok {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms <= 0 || ms > int64(24*time.Hour/time.Millisecond) {
			return nil, host.FieldErrorf(abi.FieldTimeout, "timeout %q: use a number of milliseconds above zero", host.Clip(text))
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
	}
	reply, err := invoker.Invoke(ctx, call)
	if err != nil {
		return nil, &host.Error{
			Code: host.CodeOf(err), Err: err,
			Message: "service " + strconv.Quote(call.Service) + ": " + host.Explain(err),
		}
	}
	res := &connector.Result{Body: reply.Body}
	res.Envelope.Add(abi.FieldStatus, strconv.Itoa(reply.Status))
	for _, h := range reply.Headers {
		res.Envelope.Add(abi.PrefixHeader+h.Name, h.Value)
	}
	return res, nil
}
