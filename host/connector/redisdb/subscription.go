package redisdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// subscription is a socket to a server that sends what is published. It does
// not go through the library, which panics when a server breaks the protocol.
type subscription struct {
	conn   net.Conn
	pushes *pushes

	writing sync.Mutex
}

// idle is a socket whose reads fail when nothing comes for a while.
type idle struct {
	net.Conn
	patience time.Duration
}

// Read implements io.Reader.
func (i idle) Read(p []byte) (int, error) {
	if err := i.SetReadDeadline(time.Now().Add(i.patience)); err != nil {
		return 0, err
	}
	return i.Conn.Read(p)
}

// subscribe connects to a server, logs in and subscribes by commands. The
// server then has patience to say something. early gets what is published
// before all is subscribed to.
func (c Config) subscribe(ctx context.Context, env connector.Env, addr string, patience time.Duration, early func(push), commands ...[]string) (*subscription, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout))
	defer cancel()
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, errProtocol // a sentinel or a node of the cluster has said so
	}
	conn, err := env.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, subscribing(ctx, err)
	}
	raw := conn
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	secure, err := c.secure(ctx, conn, name)
	if secure != nil {
		conn = secure
	}
	s := &subscription{conn: conn, pushes: newPushes(idle{conn, patience})}
	if err == nil {
		err = s.begin(c, commands, early)
	}
	if !stop() {
		err = cmp.Or(ctx.Err(), err)
	}
	if err != nil {
		_ = conn.Close()
		return nil, subscribing(ctx, err)
	}
	return s, nil
}

// begin logs in and subscribes.
func (s *subscription) begin(c Config, commands [][]string, early func(push)) error {
	if c.Password != "" {
		login := []string{"AUTH", c.Username, c.Password}
		if c.Username == "" {
			login = []string{"AUTH", c.Password}
		}
		if err := s.send(time.Duration(c.Timeout), login); err != nil {
			return err
		}
		if p, err := s.pushes.next(); err != nil || p.kind != "" {
			return cmp.Or(err, errProtocol)
		}
	}
	for _, words := range commands {
		if err := s.send(time.Duration(c.Timeout), words); err != nil {
			return err
		}
		for confirmed := 1; confirmed < len(words); {
			p, err := s.pushes.next()
			switch {
			case err != nil:
				return err
			case p.kind == strings.ToLower(words[0]):
				confirmed++
			case p.published():
				early(p)
			default:
				return errProtocol
			}
		}
	}
	return nil
}

// send writes a command.
func (s *subscription) send(within time.Duration, words []string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	out := appendHeader(nil, '*', len(words))
	for _, w := range words {
		out = appendBulk(out, w)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := s.conn.Write(out)
	return err
}

// next returns what was published next.
func (s *subscription) next() (push, error) {
	for {
		p, err := s.pushes.next()
		switch {
		case err != nil:
			return p, err
		case p.published():
			return p, nil
		case strings.HasSuffix(p.kind, "unsubscribe"):
			return p, replyError("the server ends the subscription") // it has given the channel's slot away
		}
	}
}

// subscribing returns the error of a subscription as the host takes it.
func subscribing(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	_, refused := errors.AsType[replyError](err)
	_, coded := errors.AsType[*host.Error](err)
	switch {
	case connector.Untrusted(err), refused, coded, errors.Is(err, errProtocol), errors.Is(err, egress.ErrDenied),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	}
	return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
}

// master asks the sentinels for the address of the master.
func (c Config) master(ctx context.Context, env connector.Env) (string, error) {
	silence()
	f := &flights{byDeadline: make(map[int64]*flight)}
	err := error(host.Errorf(abi.Unavailable, "no sentinel knows a master %q", host.Clip(c.Master)))
	for _, addr := range c.Addresses {
		inner, end := f.begin(ctx, time.Duration(c.Timeout))
		s := redis.NewSentinelClient(&redis.Options{
			Addr: addr, Dialer: c.dial(f, env.Dial), Protocol: 2, Password: c.SentinelPassword, MaxRetries: -1,
			DialTimeout: time.Duration(c.Timeout), DialerRetries: 1, ReadTimeout: -1, WriteTimeout: -1, ContextTimeoutEnabled: true, DisableIdentity: true,
		})
		found, asked := s.GetMasterAddrByName(inner, c.Master).Result()
		_ = s.Close()
		end()
		switch {
		case asked == nil && len(found) == 2:
			return net.JoinHostPort(found[0], found[1]), nil
		case asked != nil && !errors.Is(asked, redis.Nil):
			err = subscribing(ctx, asked)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return "", err
}
