package host

import (
	"context"

	"github.com/seraihost/serai/abi"
)

// Call is one request to a service, whatever channel it came by.
type Call struct {
	Tenant  string
	Service string
	Version string // a digest; "" is the running version
	CID     string // correlation id, never empty
	Channel string // one of abi.Channel…
	// Envelope holds what the channel adds: method, path, header.*, param.*
	// and so on. Dispatch adds cid, service, version, tenant and channel.
	Envelope abi.Envelope
	Body     []byte
	Depth    int // services above this one that wait for it
}

// Reply is what a service answered.
type Reply struct {
	Status  int         // HTTP status, 200 by default
	Headers []abi.Field // names in lower case; may repeat
	Body    []byte
}

// Invoker runs calls. An error is an *[Error]; a reply with a status above
// 399 is a reply.
type Invoker interface {
	Invoke(ctx context.Context, call *Call) (*Reply, error)
}
