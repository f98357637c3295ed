// Package invoke is the connector of what services call most: other services
// of their tenant, now or without waiting for them.
package invoke

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Services makes the calls that services ask for.
type Services struct {
	// Now returns what makes a call whose caller waits. It is a function
	// since that needs the operations in turn.
	Now func() host.Invoker
	// Later takes the calls that nobody waits for.
	Later Later
}

// Later takes calls that nobody waits for. It checks that the scope may have
// the services called that a call names, and that they exist. A call that it has
// taken is durable and made at least once; it has the correlation id that is
// returned.
type Later interface {
	Single(ctx context.Context, s connector.Scope, c Single) (cid string, err error)
	Group(ctx context.Context, s connector.Scope, g Group) (cid string, err error)
}

// Connector returns the connector of services that call services.
func Connector(s Services) connector.Connector {
	return connector.DefineBuiltin("invoke", "The services of the same tenant, which call each other, now or without waiting.", s,
		connector.NewOperation(abi.OpInvoke, "Calls a service and waits for its reply.", now),
		connector.NewOperation(abi.OpInvokeAsync, "Calls a service without waiting; the call survives a restart of the host and is made at least once.",
			func(ctx context.Context, s Services, r *connector.Request, in Single) (out accepted, err error) {
				out.CID, err = s.Later.Single(ctx, r.Scope, in)
				return out, err
			}),
		connector.NewOperation(abi.OpInvokeGroup, "Calls several services without waiting, and others when each and when all of them have answered.",
			func(ctx context.Context, s Services, r *connector.Request, in Group) (out accepted, err error) {
				out.CID, err = s.Later.Group(ctx, r.Scope, in)
				return out, err
			}),
	)
}

// Bounds on what a service may ask for. Tags of the types below tell the same.
const (
	MaxCallbacks    = 16
	MaxTargets      = 256
	MaxContextBytes = 16 << 10
)

// Single is a call of a service.
type Single struct {
	Service    string          `field:"service" required:"true" doc:"name of the service"`
	Headers    []abi.Field     `field:"header.*" names:"whole" doc:"headers of the call; content-type is that of its payload"`
	CID        string          `field:"cid" doc:"correlation id of the call; without it a new one"`
	Callbacks  []string        `field:"callback" doc:"services that get the reply, up to 16; without one the service whose name is the caller's and -async-callback, if there is one"`
	Delay      time.Duration   `field:"delay" max:"31622400000" doc:"time before which the call is not made"`
	Expires    time.Duration   `field:"expires" max:"31622400000" doc:"time after which the call is not made any more; 0 is never"`
	JobName    string          `field:"job-name" doc:"name of a job: the call comes by the channel scheduler, as one of a job that runs once"`
	RetryTimes *int64          `field:"retry-times" min:"0" max:"1000" doc:"how often a call that its service fails is made again; callbacks then get the outcome, whatever it is"`
	RetryEvery time.Duration   `field:"retry-every" max:"31622400000" doc:"time between these calls"`
	Context    json.RawMessage `field:"context" doc:"what the callbacks of a call with retry-times get back, up to 16 KiB"`
	Body       []byte          `body:"the payload of the call"`
}

// Group is calls of several services.
type Group struct {
	Services []string `field:"service" required:"true" doc:"name of a target, up to 256 of them, each once"`
	Types    []string `field:"content-type" doc:"content type of a target's payload, one for each target; empty if it has none"`
	Sizes    []string `field:"size" doc:"bytes of a target's payload in decimal, one for each target"`
	OnTarget []string `field:"on-target" doc:"services that get the outcome of each target, up to 16"`
	OnFinal  []string `field:"on-final" doc:"services that get the outcomes of all targets once these have answered, up to 16"`
	CID      string   `field:"cid" doc:"correlation id of all calls; without it a new one"`
	Body     []byte   `body:"the payloads of the targets, one after the other"`
}

type accepted struct {
	CID string `field:"cid" doc:"correlation id of the call"`
}
