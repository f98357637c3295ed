package invoke

import (
	"context"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

type call struct {
	Service string        `field:"service" required:"true" doc:"name of the service"`
	Timeout time.Duration `field:"timeout" min:"1" max:"86400000" doc:"how long to wait for the reply; without it as long as the caller's own call may take"`
	Headers []abi.Field   `field:"header.*" names:"whole" doc:"headers of the call; content-type is that of its payload"`
	CID     string        `field:"cid" doc:"correlation id of the call; without it that of the caller's"`
	Body    []byte        `body:"the payload of the call"`
}

type reply struct {
	Status  int         `field:"status" doc:"status of the reply, as of HTTP"`
	Headers []abi.Field `field:"header.*" doc:"headers of the reply; content-type is that of its payload"`
	Body    []byte      `body:"the payload of the reply"`
}

func now(ctx context.Context, s Services, r *connector.Request, in call) (out reply, err error) {
	c, err := target(r, in)
	if err != nil {
		return out, err
	}
	if in.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, in.Timeout)
		defer cancel()
	}
	answer, err := s.Now().Invoke(ctx, c)
	if err != nil {
		return out, &host.Error{
			Code: host.CodeOf(err), Err: err,
			Message: "service " + strconv.Quote(c.Service) + ": " + host.Explain(err),
		}
	}
	return reply{answer.Status, answer.Headers, answer.Body}, nil
}

// target returns the call that a request asks for.
func target(r *connector.Request, in call) (*host.Call, error) {
	if err := host.CheckName(abi.FieldService, in.Service); err != nil {
		return nil, err
	}
	if err := r.Scope.CheckService(in.Service); err != nil {
		return nil, err
	}
	if in.Service == r.Scope.Service {
		return nil, host.FieldErrorf(abi.FieldService, "service %q invokes itself and would wait for itself: call a function, or use invoke_async", in.Service)
	}
	c := &host.Call{
		Tenant: r.Scope.Tenant, Service: in.Service, CID: r.Scope.CID, Channel: abi.ChannelInvoke,
		Envelope: in.Headers, Body: in.Body, Depth: r.Scope.Depth + 1,
	}
	if in.CID != "" {
		if err := host.CheckCID(in.CID); err != nil {
			return nil, err
		}
		c.CID = in.CID
	}
	return c, nil
}
