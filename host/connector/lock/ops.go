package lock

import (
	"context"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// MaxNameBytes bounds the name of a lock.
const MaxNameBytes = 512

// Connector returns the connector of locks over a table.
func Connector(t *Table) connector.Connector {
	return connector.DefineBuiltin("lock", "Locks, of each tenant its own, that one call holds at a time.", t,
		connector.NewOperation(abi.OpLockAcquire, "Waits for a lock and takes it; it ends with the call at the latest.", acquire),
		connector.NewOperation(abi.OpLockRelease, "Gives a lock up.", release),
	)
}

type acquisition struct {
	Name  string        `field:"name" required:"true" doc:"name of the lock, at most 512 bytes"`
	TTL   time.Duration `field:"ttl" required:"true" min:"1" max:"86400000" doc:"how long it is held at most"`
	Block time.Duration `field:"block" required:"true" max:"86400000" doc:"how long to wait for it"`
}

type held struct {
	Token string `field:"token" doc:"what gives it up"`
}

func acquire(ctx context.Context, t *Table, r *connector.Request, in acquisition) (out held, err error) {
	if err := checkName(in.Name); err != nil {
		return out, err
	}
	out.Token, err = t.Acquire(ctx, r.Scope.Tenant, in.Name, in.TTL, in.Block)
	return out, err
}

type surrender struct {
	Name  string `field:"name" required:"true" doc:"name of the lock"`
	Token string `field:"token" required:"true" doc:"what lock.acquire returned"`
}

type released struct {
	Released bool `field:"released" doc:"the lock was the caller's"`
}

func release(_ context.Context, t *Table, r *connector.Request, in surrender) (out released, err error) {
	if err := checkName(in.Name); err != nil {
		return out, err
	}
	return released{t.Release(r.Scope.Tenant, in.Name, in.Token)}, nil
}

func checkName(name string) error {
	if len(name) > MaxNameBytes {
		return host.FieldErrorf(abi.FieldName, "lock %q: use a name of 1 to %d bytes", host.Clip(name), MaxNameBytes)
	}
	return nil
}
