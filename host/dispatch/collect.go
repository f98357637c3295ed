package dispatch

import (
	"context"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime"
)

// collect makes a body that streams one that is whole, for guests that take no
// other. It does so before the call is admitted, since the body comes as fast
// as a client sends, and counts what is held of it until release.
func (d *Dispatcher) collect(ctx context.Context, call *host.Call, v *host.Version) (whole *host.Call, release func(), err error) {
	if call.Stream == nil || v.Kind != host.KindWASI && v.Kind != host.KindExtism {
		return call, func() {}, nil
	}
	limits := v.Settings.Limits
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limits.Timeout))
	defer cancel()
	size := call.Length
	if size < 0 {
		size = int64(limits.RequestBytes)
	}
	if err := d.bodies.Enter(ctx, call.Tenant, size); err != nil {
		return nil, nil, busy(err, "have large bodies")
	}
	body, err := guest.Collect(ctx, call, limits)
	if err != nil {
		d.bodies.Leave(size)
		return nil, nil, runtime.Failure(err, "get its request", limits)
	}
	c := *call
	c.Body, c.Stream, c.Length = body, nil, 0
	return &c, func() { d.bodies.Leave(size) }, nil
}
