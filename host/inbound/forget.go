package inbound

import (
	"context"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
)

// shelfTime bounds how long it takes to put a message on the shelf.
const shelfTime = 10 * time.Second

// keep is deliver for a system that forgets what it has handed out: what is to
// be parked goes on the shelf, and so does what the service was not done with
// when the channel stops, to be delivered again when it starts.
func (r *receiver) keep(ctx context.Context, policy connector.Redelivery, m connector.Message) (connector.Disposition, error) {
	d, why := r.deliver(ctx, policy, m)
	if d != connector.Done && r.shelve(newID(now()), m, why, d == connector.Again) != nil {
		r.dropped(1)
	}
	return d, why
}

// shelve puts a message on the shelf.
func (r *receiver) shelve(id string, m connector.Message, why error, again bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), shelfTime)
	defer cancel()
	err := r.shelf.put(ctx, r.key(), id, m, why, again)
	if err != nil {
		r.note("", abi.LevelError, "a message cannot be put aside: "+explain(err))
		r.Logger.Error("message cannot be put aside", "tenant", r.channel.Tenant, "channel", r.channel.Name, "err", err)
	}
	return err
}

func (r *receiver) key() key { return key{r.channel.Tenant, r.channel.Name} }

// giveBack delivers again what was given back, one message at a time and
// beside what the source hands out, until ctx ends.
func (r *receiver) giveBack(ctx context.Context, policy connector.Redelivery) {
	for failures := 0; ctx.Err() == nil; {
		err := r.giveBackOne(ctx, policy)
		if err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			return
		}
		r.Logger.Error("messages cannot be given back", "tenant", r.channel.Tenant, "channel", r.channel.Name, "err", err)
		sleep(ctx, backoff(failures, firstPause, maxPause))
		failures++
	}
}

// giveBackOne delivers a message, or waits until there may be one.
func (r *receiver) giveBackOne(ctx context.Context, policy connector.Redelivery) error {
	id, m, found, err := r.shelf.next(ctx, r.key())
	if err != nil {
		return err
	}
	if !found {
		select {
		case <-r.wake:
		case <-ctx.Done():
		}
		return nil
	}
	switch d, why := r.deliver(ctx, policy, m); d {
	case connector.Done:
		settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), shelfTime)
		defer cancel()
		return r.shelf.drop(settling, r.key(), id)
	case connector.Park:
		return r.shelve(id, m, why, false)
	default:
		return nil // it stays as it is until the channel starts again
	}
}
