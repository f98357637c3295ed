package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// SourceConfig is what a channel listens to.
type SourceConfig struct {
	Channels  []string      `json:"channels" required:"true" example:"[\"orders\"]" doc:"PostgreSQL's channels to listen to, as NOTIFY names them; without quotes that is in small letters"`
	CatchUp   bool          `json:"catch_up" default:"false" doc:"call the service each time that it begins to listen, too, with message.kind listening, so that it reads what came before"`
	Heartbeat host.Duration `json:"heartbeat" default:"10s" min:"100ms" max:"10m" doc:"how long a silent server is believed to be there; then it has as long to answer"`
	connector.Redelivery
}

const (
	maxListens     = 100
	maxChannelName = 63 // PostgreSQL's own bound
	// maxWaiting bounds notifications that come while the server is asked for
	// a sign of life; otherwise they wait in the server.
	maxWaiting = 10_000
)

// Source returns the type of channels over notifications of PostgreSQL.
func Source() connector.SourceType {
	return connector.DefineSource(connector.SourceSpec[Config, SourceConfig]{
		Type: Type, Channel: abi.ChannelSQL, Doc: "Hands the notifications of a PostgreSQL database (LISTEN) to a service, one at a time.",
		Message: notifications.Fields(), Check: SourceConfig.check, Suits: listens, Open: openListener,
		Forgets: func(SourceConfig) bool { return true },
	})
}

// listens refuses engines without notifications.
func listens(c Config) error {
	if c.Engine != postgresql {
		return host.FieldErrorf("connection", "the connection is to %s, and only PostgreSQL has notifications: use one whose engine is postgresql", c.Engine)
	}
	return nil
}

func (s SourceConfig) check() error {
	if len(s.Channels) == 0 || len(s.Channels) > maxListens {
		return host.FieldErrorf("channels", "config.channels has %d names, use 1 to %d", len(s.Channels), maxListens)
	}
	for i, name := range s.Channels {
		if name == "" || len(name) > maxChannelName || strings.ContainsRune(name, 0) {
			return host.FieldErrorf("channels", "config.channels: %q is no channel of PostgreSQL, whose names have 1 to %d bytes", host.Clip(name), maxChannelName)
		}
		if slices.Contains(s.Channels[:i], name) {
			return host.FieldErrorf("channels", "config.channels has %q twice", name)
		}
	}
	return nil
}

// notification is what calls get of a notification.
type notification struct {
	Kind    string `field:"kind" enum:"notification,listening" doc:"notification, or listening: the channel has begun to listen, and what was sent before has not come"`
	Channel string `field:"channel" doc:"channel of PostgreSQL that it was sent to"`
	PID     string `field:"pid" doc:"process of the server that sent it"`
}

var notifications = connector.NewEncoder[notification]()

// listener is a connection of its own that listens.
type listener struct {
	conn    *pgx.Conn
	config  SourceConfig
	waiting []*pgconn.Notification
	flooded bool
}

func openListener(ctx context.Context, c Config, s SourceConfig, env connector.Env) (connector.Source, error) {
	config, err := postgresConfig(c, env)
	if err != nil {
		return nil, err
	}
	l := &listener{config: s}
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
		if l.flooded = l.flooded || len(l.waiting) >= maxWaiting; !l.flooded {
			l.waiting = append(l.waiting, n)
		}
	}
	d := &Database{engine: postgresql}
	if l.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, d.fault(err)
	}
	for _, name := range s.Channels {
		if _, err := l.conn.Exec(ctx, "LISTEN "+pgx.Identifier{name}.Sanitize()); err != nil {
			_ = l.Close()
			return nil, d.fault(err)
		}
	}
	return l, nil
}

// Run implements [connector.Source].
func (l *listener) Run(ctx context.Context, deliver connector.Deliver) error {
	if l.config.CatchUp {
		m := connector.Message{Envelope: notifications.Append(nil, abi.PrefixMessage, &notification{Kind: "listening"})}
		if d, _ := deliver(ctx, m); d == connector.Again {
			return nil
		}
	}
	for ctx.Err() == nil {
		if len(l.waiting) == 0 {
			if err := l.wait(ctx); err != nil {
				return err
			}
			continue
		}
		n := l.waiting[0]
		l.waiting = l.waiting[1:]
		// What becomes of it is the host's concern: the server has forgotten it.
		_, _ = deliver(ctx, connector.Message{
			Body: []byte(n.Payload),
			Envelope: notifications.Append(nil, abi.PrefixMessage, &notification{
				Kind: "notification", Channel: n.Channel, PID: strconv.FormatUint(uint64(n.PID), 10),
			}),
		})
	}
	return nil
}

// wait waits for a notification, and from time to time for a sign of life.
func (l *listener) wait(ctx context.Context) error {
	l.waiting = nil
	heartbeat := time.Duration(l.config.Heartbeat)
	waiting, cancel := context.WithTimeout(ctx, heartbeat)
	err := l.conn.PgConn().WaitForNotification(waiting)
	cancel()
	if err != nil && errors.Is(waiting.Err(), context.DeadlineExceeded) && !l.conn.IsClosed() {
		asking, cancel := context.WithTimeout(ctx, heartbeat)
		defer cancel()
		err = l.conn.Ping(asking)
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case l.flooded:
		return host.Errorf(abi.TooLarge, "the server sent more than %d notifications while it was asked for a sign of life", maxWaiting)
	case err != nil:
		return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	}
	return nil
}

// leaveTime bounds how long it takes to say goodbye.
const leaveTime = time.Second

// Close implements [connector.Source].
func (l *listener) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	_ = l.conn.Close(ctx) // the server notices either way
	return nil
}
