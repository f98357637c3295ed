package inbound

import (
	"context"
	"errors"
	"log/slog"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
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
	if err == nil && n == 0 && id != "" {
		err = host.Errorf(abi.NotFound, "channel %q has put no message %q aside", c.Name, host.Clip(id))
	}
	return n, err
}

// parked calls fn with what a channel has put aside.
func (i *Intake) parked(ctx context.Context, c host.Channel, fn func(connector.Parked) error) error {
	if c.REST() {
		return host.Errorf(abi.Invalid, "channel %q answers requests; it puts nothing aside", c.Name)
	}
	o, err := i.opening(ctx, c)
	if err != nil {
		return err
	}
	p, err := o.kind.Parked(ctx, o.conn.Config, c.Config, o.secret, o.env)
	if err == nil {
		err = fn(p)
		err = errors.Join(err, p.Close())
	}
	if _, coded := errors.AsType[*host.Error](err); err == nil || coded {
		return err
	}
	code := abi.Remote
	if errors.Is(err, connector.ErrNotConnected) || errors.Is(err, context.DeadlineExceeded) {
		code = abi.Unavailable
	}
	return &host.Error{Code: code, Err: err, Message: explain(err)}
}

// opening is what a source is opened with.
type opening struct {
	kind   connector.SourceType
	conn   host.Connection
	secret func(name string) (string, error)
	env    connector.Env
}

func (c Config) open(ctx context.Context, kind connector.SourceType, channel host.Channel) (o opening, err error) {
	o.kind = kind
	if o.conn, err = c.Catalog.Connection(ctx, channel.Tenant, channel.Connection); err != nil {
		return o, err
	}
	if kind.Open == nil {
		return o, host.FieldErrorf("type", "channel type %q is not one of this host", host.Clip(channel.Type))
	}
	if err := suits(kind, o.conn); err != nil {
		return o, err
	}
	allow, err := egress.ParseNetworks(o.conn.AllowNetworks)
	if err != nil {
		return o, err
	}
	o.secret = func(name string) (string, error) {
		value, err := c.Catalog.Secret(ctx, channel.Tenant, name)
		return string(value), err
	}
	o.env = connector.Env{
		Tenant: o.conn.Tenant, Name: o.conn.Name, Dial: egress.NewDialer(egress.Policy{Allow: allow}).DialContext,
		Log: c.Logger.With(slog.String("tenant", o.conn.Tenant), slog.String("channel", channel.Name)),
	}
	return o, nil
}

func (i *Intake) opening(ctx context.Context, c host.Channel) (opening, error) {
	return i.open(ctx, i.types[c.Type], c)
}
