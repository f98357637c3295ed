package redisdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// idleTime is how long a socket is kept unused.
const idleTime = 5 * time.Minute

// Server is an open connection to one or more servers. Commands of one server
// share a socket; what needs a socket of its own for a while, and what may go to
// several servers, goes through the library's pool.
type Server struct {
	client  redis.UniversalClient
	shared  *shared // nil unless there is one server
	timeout time.Duration
	flights flights
	watches connector.Kept[*watched]
}

var _ connector.Conn = (*Server)(nil)

func open(ctx context.Context, c Config, env connector.Env) (*Server, error) {
	if _, err := c.TLS.Config(""); err != nil {
		return nil, err
	}
	s := &Server{
		timeout: time.Duration(c.Timeout), flights: flights{byDeadline: make(map[int64]*flight)},
	}
	s.client = c.client(c.dial(&s.flights, env.Dial))
	if c.Mode == single {
		s.shared = newShared(c, env.Dial)
	}
	if err := s.Ping(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// quiet keeps the library from writing to the program's error output: what
// goes wrong is returned.
type quiet struct{}

// Printf implements the library's logger.
func (quiet) Printf(context.Context, string, ...any) {}

// silence is done once: the library's logger is that of the program.
var silence = sync.OnceFunc(func() { redis.SetLogger(quiet{}) })

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// client returns the library's client. Deadlines are those of contexts, and
// nothing is repeated: whether that is safe is known here only.
func (c Config) client(dial dialer) redis.UniversalClient {
	silence()
	timeout := time.Duration(c.Timeout)
	off := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch c.Mode {
	case cluster:
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: c.Addresses, Dialer: dial, Protocol: 2, Username: c.Username, Password: c.Password, MaxRetries: -1,
			DialTimeout: timeout, DialerRetries: 1, ReadTimeout: -1, WriteTimeout: -1, ContextTimeoutEnabled: true,
			PoolSize: c.PoolSize, PoolTimeout: timeout, ConnMaxIdleTime: idleTime, DisableIdentity: true, MaintNotificationsConfig: off,
		})
	case sentinel:
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: c.Master, SentinelAddrs: c.Addresses, SentinelPassword: c.SentinelPassword,
			Dialer: dial, Protocol: 2, Username: c.Username, Password: c.Password, DB: c.Database, MaxRetries: -1,
			DialTimeout: timeout, DialerRetries: 1, ReadTimeout: -1, WriteTimeout: -1, ContextTimeoutEnabled: true,
			PoolSize: c.PoolSize, PoolTimeout: timeout, ConnMaxIdleTime: idleTime, DisableIdentity: true,
		})
	default:
		return redis.NewClient(&redis.Options{
			Addr: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), Dialer: dial, Protocol: 2, Username: c.Username, Password: c.Password,
			DB: c.Database, MaxRetries: -1, DialTimeout: timeout, DialerRetries: 1, ReadTimeout: -1, WriteTimeout: -1,
			ContextTimeoutEnabled: true, PoolSize: c.PoolSize, PoolTimeout: timeout, ConnMaxIdleTime: idleTime, DisableIdentity: true,
			MaintNotificationsConfig: off,
		})
	}
}

// Ping asks the server for a sign of life.
func (s *Server) Ping(ctx context.Context) error {
	inner, end := s.flights.begin(ctx, s.timeout)
	defer end()
	return s.fault(inner, s.client.Ping(inner).Err())
}

// Close closes all sockets.
func (s *Server) Close() error {
	if s.shared != nil {
		s.shared.close()
	}
	if err := s.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("closing client: %w", err)
	}
	return nil
}

// fault returns an error that is no reply to a command for the pool.
func (s *Server) fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*host.Error](err); ok {
		return e
	}
	_, reply := errors.AsType[redis.Error](err)
	if broke, ok := errors.AsType[lostError](err); ok && connector.Untrusted(broke.err) {
		return broke.err
	}
	switch {
	case connector.Untrusted(err):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, egress.ErrDenied), errors.Is(err, errProtocol), reply:
		return err
	case errors.Is(err, redis.ErrPoolTimeout):
		return host.Errorf(abi.Limit, "all connections to the server are in use; configure a larger pool_size, or wait in fewer calls at a time")
	}
	return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
}

// watched is a socket of a call's own, for which the server watches keys.
type watched struct {
	conn *redis.Conn
	busy sync.Mutex
}

// find returns the socket that the call holds under an id.
func (s *Server) find(r *connector.Request, id string) (*watched, error) {
	w, ok := s.watches.Find(r, id)
	if !ok {
		return nil, host.FieldErrorf("watch", "the watch has ended")
	}
	return w, nil
}

// unwatch gives a socket back for which the server still watches.
func (s *Server) unwatch(w *watched) {
	w.busy.Lock()
	defer w.busy.Unlock()
	ctx, end := s.flights.begin(context.Background(), min(s.timeout, time.Second))
	_ = w.conn.Process(ctx, redis.NewCmd(ctx, "unwatch")) // a socket that breaks is not used again
	end()
	_ = w.conn.Close()
}
