package amqp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/batch"
)

const (
	closeTime = time.Second // bounds the wait for a broker to take leave
	maxFresh  = 8           // declarations and pings at a time
)

// broker is a connection of the library, and the socket under it, on which
// nothing that the library writes waits.
type broker struct {
	*amqp091.Connection

	socket *batch.Conn
}

// Conn is an open connection to a broker.
type Conn struct {
	broker   *broker
	confirms *lines // for publishing
	requests *lines // for requests that wait for replies
	fresh    *lines // for what is done once in a while
	alarm    alarm
}

func open(ctx context.Context, c Config, env connector.Env) (*Conn, error) {
	return openFor(ctx, c, env, "")
}

// openFor opens a connection for a purpose, see dial.
func openFor(ctx context.Context, c Config, env connector.Env, purpose string) (*Conn, error) {
	broker, err := dial(ctx, c, env, purpose)
	if err != nil {
		return nil, err
	}
	out := &Conn{
		broker:   broker,
		confirms: newLines(broker, c.Channels, func(l *line) error { return l.Confirm(false) }),
		requests: newLines(broker, c.Channels, (*line).awaitReplies),
		fresh:    newLines(broker, maxFresh, nil),
	}
	go out.alarm.watch(broker.NotifyBlocked(make(chan amqp091.Blocking, 1)))
	return out, nil
}

// dial connects and logs in within ctx. purpose tells connections of one name
// apart in the broker's lists.
func dial(ctx context.Context, c Config, env connector.Env, purpose string) (*broker, error) {
	secure, err := c.TLS.Config(c.Host)
	if err != nil {
		return nil, err
	}
	port := 5672
	if secure != nil {
		port = 5671
	}
	raw, err := env.Dial(ctx, "tcp", net.JoinHostPort(c.Host, strconv.Itoa(cmp.Or(c.Port, port))))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() }) // the handshake knows no context
	broker, err := login(ctx, raw, secure, c, env, purpose)
	if !stop() && err == nil {
		_ = broker.CloseDeadline(time.Now())
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", connector.ErrNotConnected, ctx.Err())
		}
		return nil, err
	}
	return broker, nil
}

func login(ctx context.Context, raw net.Conn, secure *tls.Config, c Config, env connector.Env, purpose string) (*broker, error) {
	if secure != nil {
		t := tls.Client(raw, secure)
		if err := t.HandshakeContext(ctx); err != nil {
			if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
				return nil, fmt.Errorf("checking the broker's certificate: %w", err)
			}
			return nil, fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
		}
		raw = t
	}
	password := c.Password
	if c.Username == "guest" && password == "" {
		password = "guest"
	}
	var sasl amqp091.Authentication = &amqp091.PlainAuth{Username: c.Username, Password: password}
	if c.Auth == "external" {
		sasl = &amqp091.ExternalAuth{}
	}
	properties := amqp091.NewConnectionProperties()
	properties["product"] = "Serai"
	properties.SetClientConnectionName("serai/" + env.Tenant + "/" + env.Name + purpose)
	socket := batch.New(raw)
	conn, err := amqp091.Open(&guard{Conn: socket}, amqp091.Config{
		SASL: []amqp091.Authentication{sasl}, Vhost: c.VHost, Heartbeat: time.Duration(c.Heartbeat),
		Locale: "en_US", Properties: properties, FrameSize: maxFrame,
	})
	if err == nil {
		return &broker{conn, socket}, nil
	}
	_ = socket.Close()
	e, ok := errors.AsType[*amqp091.Error](err)
	if ok && (e.Server || e.Code == amqp091.AccessRefused || e.Code == amqp091.NotAllowed) && e.Code != amqp091.ConnectionForced {
		return nil, errors.New(e.Reason) // it is there and does not let us in
	}
	return nil, fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
}

// maxFrame bounds the frames that a broker may send.
const maxFrame = 128 << 10

// Ping opens a channel, which the broker answers.
func (c *Conn) Ping(ctx context.Context) error {
	return c.fresh.use(ctx, func(*line) error { return nil })
}

// Lost reports whether the connection has been lost since it was opened.
func (c *Conn) Lost() bool { return c.broker.IsClosed() }

// Close takes leave of the broker.
func (c *Conn) Close() error { return leave(c.broker) }

// leave takes leave of a broker, which may be gone, within closeTime.
func leave(broker *broker) error {
	err := broker.CloseDeadline(time.Now().Add(closeTime))
	if err == nil || errors.Is(err, amqp091.ErrClosed) {
		return nil
	}
	return fmt.Errorf("taking leave of the broker: %w", err)
}

// fault says what an error of the library means for a user of the connection.
func fault(broker *broker, err error) error {
	_, cut := errors.AsType[net.Error](err) // the library may notice later that its socket is gone
	switch e, ok := errors.AsType[*amqp091.Error](err); {
	case broker.IsClosed(), cut:
		return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	case ok:
		return errors.New(e.Reason) // the broker closed the channel only
	default:
		return err
	}
}
