package inbound

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/pool"
)

// opening is what a channel's source is opened with: the same as a connection
// of the pool, so what it dials and what it may say is bounded alike.
type opening struct {
	pool.Setting
	kind connector.SourceType
	env  connector.Env
}

// opening reads the connection of a channel. The error is for its author.
func (c Config) opening(ctx context.Context, kind connector.SourceType, channel host.Channel) (o opening, err error) {
	o.kind = kind
	if o.Setting, err = pool.ReadSetting(ctx, c.Catalog, channel.Tenant, channel.Connection); err != nil {
		return o, o.Explain(err)
	}
	if kind.Open == nil {
		return o, host.FieldErrorf("type", "channel type %q is not one of this host", host.Clip(channel.Type))
	}
	if err := suits(kind, o.Record); err != nil {
		return o, err
	}
	if o.env, err = o.Env(c.Dir, c.Logger); err != nil {
		return o, o.Explain(err)
	}
	o.env.Log = o.env.Log.With(slog.String("channel", channel.Name))
	return o, nil
}

// safely returns the error of fn, also if it panics: the fault of one source
// is no other channel's.
func safely(fn func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &host.Error{
				Code: abi.Internal, Message: "internal error; the host's log has the detail",
				Err: fmt.Errorf("a source panics: %v\n%s", fault, debug.Stack()),
			}
		}
	}()
	return fn()
}
