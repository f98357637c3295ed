package inbound

import (
	"context"
	"errors"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// MaxListed is how many parked messages are listed at most.
const MaxListed = 1000

// Parked lists the oldest messages that a channel has put aside.
func (i *Intake) Parked(ctx context.Context, c host.Channel, most int) (out []host.ParkedMessage, err error) {
	err = i.parked(ctx, c, func(p connector.Parked) (err error) {
		out, err = p.List(ctx, min(most, MaxListed))
		return err
	})
	return out, err
}

// Settle gives a message that was put aside, or all of them if id is "", back
// to the channel, or drops it. It returns how many.
func (i *Intake) Settle(ctx context.Context, c host.Channel, id string, retry bool) (n int, err error) {
	err = i.parked(ctx, c, func(p connector.Parked) (err error) {
		n, err = p.Settle(ctx, id, retry)
		return err
	})
	if retry {
		i.wake(key{c.Tenant, c.Name})
	}
	if err == nil && n == 0 && id != "" {
		err = host.Errorf(abi.NotFound, "channel %q has put no message %q aside", c.Name, host.Clip(id))
	}
	return n, err
}

// wake tells a receiver that something was given back.
func (i *Intake) wake(k key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r := i.channels[k]; r != nil {
		select {
		case r.wake <- struct{}{}:
		default: // it knows
		}
	}
}

// parked calls fn with what a channel has put aside.
func (i *Intake) parked(ctx context.Context, c host.Channel, fn func(connector.Parked) error) error {
	if c.REST() {
		return host.Errorf(abi.Invalid, "channel %q answers requests; it puts nothing aside", c.Name)
	}
	kind, ok := i.types[c.Type]
	if !ok {
		return i.Validate(c)
	}
	if kind.Forgets(c.Config) {
		return fn(storeParked{i.shelf, key{c.Tenant, c.Name}})
	}
	o, err := i.opening(ctx, kind, c)
	if err != nil {
		return err
	}
	p, err := o.kind.Parked(ctx, o.Record.Config, c.Config, o.Secret, o.env)
	if err == nil {
		err = fn(p)
		err = errors.Join(err, p.Close())
	}
	if err != nil {
		return o.Explain(err)
	}
	return nil
}
