package lock

import (
	"context"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Bounds of what guests ask for.
const (
	MaxNameBytes = 512
	MaxTime      = 24 * time.Hour // of holding a lock, and of waiting for it
)

// Ops returns the operations over a table.
func Ops(t *Table) []connector.Op {
	return []connector.Op{
		{Name: abi.OpLockAcquire, Doc: "Waits for a lock of the tenant and takes it; it ends with the call at the latest.", Do: t.doAcquire},
		{Name: abi.OpLockRelease, Doc: "Gives a lock up.", Do: t.doRelease},
	}
}

func (t *Table) doAcquire(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	name, err := nameOf(r)
	if err != nil {
		return nil, err
	}
	ttl, err := timeOf(r, abi.FieldTTL, 1)
	if err != nil {
		return nil, err
	}
	block, err := timeOf(r, abi.FieldBlock, 0)
	if err != nil {
		return nil, err
	}
	token, err := t.Acquire(ctx, r.Scope.Tenant, name, ttl, block)
	if err != nil {
		return nil, err
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: abi.FieldToken, Value: token}}}, nil
}

func (t *Table) doRelease(_ context.Context, r *connector.Request) (*connector.Result, error) {
	name, err := nameOf(r)
	if err != nil {
		return nil, err
	}
	released := "0"
	if t.Release(r.Scope.Tenant, name, r.Envelope.Get(abi.FieldToken)) {
		released = "1"
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: abi.FieldReleased, Value: released}}}, nil
}

func nameOf(r *connector.Request) (string, error) {
	name := r.Envelope.Get(abi.FieldName)
	if name == "" || len(name) > MaxNameBytes {
		return "", host.FieldErrorf(abi.FieldName, "lock %q: use a name of 1 to %d bytes", host.Clip(name), MaxNameBytes)
	}
	return name, nil
}

func timeOf(r *connector.Request, field string, least int64) (time.Duration, error) {
	text := r.Envelope.Get(field)
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < least || ms > MaxTime.Milliseconds() {
		return 0, host.FieldErrorf(field, "%s %q: use a number of milliseconds from %d to %d", field, host.Clip(text), least, MaxTime.Milliseconds())
	}
	return time.Duration(ms) * time.Millisecond, nil
}
