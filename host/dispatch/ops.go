package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Ops returns the operations by which services call services: invoke waits
// for the reply, invoke.async returns once the call is durable in the queue.
// invoker is the dispatcher, which needs the operations in turn.
func Ops(invoker func() host.Invoker, queue host.Queue) []connector.Op {
	return []connector.Op{
		{
			Name: abi.OpInvoke,
			Doc:  "Calls a service of the same tenant and waits for its reply.",
			Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
				return invokeSync(ctx, invoker(), r)
			},
		},
		{
			Name: abi.OpInvokeAsync,
			Doc:  "Calls a service of the same tenant without waiting; the call survives a restart of the host and is made at least once.",
			Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
				return invokeAsync(ctx, queue, r)
			},
		},
	}
}

// target returns the call that a request asks for.
func target(r *connector.Request, channel string) (*host.Call, error) {
	name := r.Envelope.Get(abi.FieldService)
	if err := host.CheckName("service", name); err != nil {
		return nil, err
	}
	if err := r.Scope.CheckService(name); err != nil {
		return nil, err
	}
	call := &host.Call{
		Tenant: r.Scope.Tenant, Service: name, CID: r.Scope.CID, Channel: channel,
		Body: r.Body, Depth: r.Scope.Depth + 1,
	}
	for _, f := range r.Envelope {
		if strings.HasPrefix(f.Name, abi.PrefixHeader) {
			call.Envelope = append(call.Envelope, f)
		}
	}
	return call, nil
}

func invokeSync(ctx context.Context, invoker host.Invoker, r *connector.Request) (*connector.Result, error) {
	call, err := target(r, abi.ChannelInvoke)
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
			Message: "service " + strconv.Quote(call.Service) + ": " + host.MessageOf(err),
		}
	}
	res := &connector.Result{Body: reply.Body}
	res.Envelope.Add(abi.FieldStatus, strconv.Itoa(reply.Status))
	for _, h := range reply.Headers {
		res.Envelope.Add(abi.PrefixHeader+h.Name, h.Value)
	}
	return res, nil
}

// message is a call on its way through the queue.
type message struct {
	Tenant   string       `json:"tenant"`
	Service  string       `json:"service"`
	CID      string       `json:"cid"`
	Envelope abi.Envelope `json:"envelope,omitempty"`
	Body     []byte       `json:"body"`
	Depth    int          `json:"depth"`
	Sent     time.Time    `json:"sent"`
}

func invokeAsync(ctx context.Context, queue host.Queue, r *connector.Request) (*connector.Result, error) {
	call, err := target(r, abi.ChannelAsync)
	if err != nil {
		return nil, err
	}
	if call.Depth > r.Scope.Limits.InvokeDepth {
		return nil, host.Errorf(abi.Limit, "services invoke each other more than %d deep", r.Scope.Limits.InvokeDepth)
	}
	m := message{call.Tenant, call.Service, NewCID(), call.Envelope, call.Body, call.Depth, time.Now()}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if err := queue.Publish(ctx, b); err != nil {
		return nil, err
	}
	res := &connector.Result{}
	res.Envelope.Add(abi.FieldCID, m.CID)
	return res, nil
}

// Deliver makes the asynchronous calls of the queue until ctx ends. A call
// that the host cannot make now is made later; one that its service fails is
// logged there and not repeated.
func (d *Dispatcher) Deliver(ctx context.Context, queue host.Queue) error {
	return queue.Consume(ctx, func(ctx context.Context, b []byte) error {
		var m message
		if err := json.Unmarshal(b, &m); err != nil {
			d.Logger.Error("dropping an asynchronous call that cannot be read", "error", err)
			return nil
		}
		if t, err := d.tenant(ctx, m.Tenant); err == nil && m.Sent.Before(t.life.born) {
			return nil // it is from a tenant that had the name before
		}
		// Depth stays, so that services which call each other without end
		// stop; but nobody waits for this call, so it is admitted like one
		// from outside.
		call := &host.Call{
			Tenant: m.Tenant, Service: m.Service, CID: m.CID, Channel: abi.ChannelAsync,
			Envelope: m.Envelope, Body: m.Body, Depth: m.Depth,
		}
		_, err := d.Invoke(ctx, call)
		switch host.CodeOf(err) {
		case abi.Unavailable, abi.Cancelled, abi.Internal:
			return err
		default:
			return nil
		}
	})
}

// NewCID returns a new correlation id: 24 hexadecimal digits.
func NewCID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
