package sqldb

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// alarm cancels a statement that takes too long, while its rows may be read
// for longer.
type alarm struct {
	timer *time.Timer
	rang  atomic.Bool
}

func newAlarm(after time.Duration, cancel func()) *alarm {
	a := new(alarm)
	a.timer = time.AfterFunc(after, func() {
		a.rang.Store(true)
		cancel()
	})
	return a
}

func (a *alarm) stop() { a.timer.Stop() }

// explain says that an error is the alarm's.
func (a *alarm) explain(err error) error {
	if err != nil && a.rang.Load() {
		return errors.Join(context.DeadlineExceeded, err)
	}
	return err
}
