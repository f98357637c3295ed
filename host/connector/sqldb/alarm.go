package sqldb

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// alarm cancels a statement that takes too long, while its rows may be read
// for longer. Nil is one that never rings.
type alarm struct {
	timer  *time.Timer
	cancel func()
	rang   atomic.Bool
}

// newAlarm returns a context that ends with ctx or when the alarm rings. There
// is none, and nothing to be paid for it, where ctx ends sooner.
func newAlarm(ctx context.Context, after time.Duration) (context.Context, *alarm) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= after {
		return ctx, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &alarm{cancel: cancel}
	a.timer = time.AfterFunc(after, func() {
		a.rang.Store(true)
		cancel()
	})
	return ctx, a
}

// stop keeps it from ringing.
func (a *alarm) stop() {
	if a != nil {
		a.timer.Stop()
	}
}

// end ends the context.
func (a *alarm) end() {
	if a != nil {
		a.timer.Stop()
		a.cancel()
	}
}

// explain says that an error is the alarm's.
func (a *alarm) explain(err error) error {
	if err != nil && a != nil && a.rang.Load() {
		return errors.Join(context.DeadlineExceeded, err)
	}
	return err
}
