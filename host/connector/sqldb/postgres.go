package sqldb

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/seraihost/serai/host/connector"
)

// postgres is a pool of connections to PostgreSQL. It is not database/sql,
// which costs several times the work of the statement itself, nor pgxpool,
// which does not know whose state a connection has.
//
// What a statement changes in its session cannot be told from its text: a
// view, a trigger or a function can do anything. So a connection belongs to
// the call that used it, and is reset before another gets it: when the call
// has ended, or when it is needed sooner.
type postgres struct {
	config *pgx.ConnConfig
	custom customTypes
	base   context.Context //nolint:containedctx // ends with Close
	stop   context.CancelFunc
	turns  chan struct{} // one for each connection that is in use

	mu     sync.Mutex
	idle   []*postgresLane // the one that was released last is the last
	closed bool
	reaper *time.Timer // closes what has long been idle
}

var _ engine = (*postgres)(nil)

func openPostgres(c Config, env connector.Env) (*postgres, error) {
	config, err := postgresConfig(c, env)
	if err != nil {
		return nil, err
	}
	p := &postgres{config: config, turns: make(chan struct{}, c.PoolSize)}
	p.custom.config = config
	p.base, p.stop = context.WithCancel(context.Background())
	return p, nil
}

func postgresConfig(c Config, env connector.Env) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig("host=placeholder sslmode=disable") // what the environment says is replaced
	if err != nil {
		return nil, fmt.Errorf("preparing connection: %w", err)
	}
	config.Host, config.Port = c.Host, uint16(c.port()) //nolint:gosec // checked
	config.Database, config.User, config.Password = c.Database, c.Username, c.Password
	config.Fallbacks, config.RuntimeParams = nil, map[string]string{"application_name": "serai"}
	maps.Copy(config.RuntimeParams, c.Options)
	if config.TLSConfig, err = c.TLS.Config(c.Host); err != nil {
		return nil, err
	}
	config.DialFunc = env.Dial
	// The name is resolved where it is dialled, so that the address is judged.
	config.LookupFunc = func(_ context.Context, name string) ([]string, error) { return []string{name}, nil }
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(r, w)
		f.SetMaxBodyLen(maxMessage)
		return f
	}
	if config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe; c.Prepare {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	}
	return config, nil
}

func (p *postgres) lend(ctx context.Context, to caller) (lane, error) {
	select {
	case p.turns <- struct{}{}:
	default:
		select {
		case p.turns <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for {
		l, closed := p.pick(to)
		if closed {
			<-p.turns
			return nil, fmt.Errorf("the connection is closed: %w", net.ErrClosed)
		}
		if l == nil {
			conn, err := pgx.ConnectConfig(ctx, p.config)
			if err != nil {
				<-p.turns
				return nil, err
			}
			l = &postgresLane{pool: p, conn: conn}
		} else if !l.fit(ctx, to) {
			l.discard()
			continue
		}
		l.take(ctx, to)
		return l, nil
	}
}

// pick returns an idle connection, nil if there is none: the caller's own if
// possible, otherwise one that nobody has changed.
func (p *postgres) pick(to caller) (l *postgresLane, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	best := len(p.idle) - 1
	if best < 0 {
		return nil, p.closed
	}
	for i := best; i >= 0; i-- {
		l := p.idle[i]
		if l.used && l.of == to {
			best = i
			break
		}
		if !l.used && p.idle[best].used {
			best = i
		}
	}
	l = p.idle[best]
	p.idle = slices.Delete(p.idle, best, best+1)
	return l, false
}

// over is called when the call that a connection belongs to has ended, so that
// the next one need not wait for the reset.
func (p *postgres) over(l *postgresLane, lease int) {
	p.mu.Lock()
	i := slices.Index(p.idle, l)
	if l.lease != lease || i < 0 {
		l.ended = l.ended || l.lease == lease // who has it resets it
		p.mu.Unlock()
		return
	}
	select {
	case p.turns <- struct{}{}:
	default: // somebody is about to take it
		p.mu.Unlock()
		return
	}
	p.idle = slices.Delete(p.idle, i, i+1)
	p.mu.Unlock()
	p.tidy(l)
}

// tidyTime bounds the reset of a connection.
const tidyTime = 5 * time.Second

// tidy resets a connection that is in use, and ends that.
func (p *postgres) tidy(l *postgresLane) {
	ctx, cancel := context.WithTimeout(p.base, tidyTime)
	defer cancel()
	if l.reset(ctx) != nil {
		l.discard()
		<-p.turns
		return
	}
	p.put(l)
}

// put makes a connection idle.
func (p *postgres) put(l *postgresLane) {
	p.mu.Lock()
	defer func() { <-p.turns }() // after it is there for others
	defer p.mu.Unlock()
	if p.closed {
		l.discard()
		return
	}
	l.since = time.Now()
	p.idle = append(p.idle, l)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(idleTime, p.reap)
	}
}

// reap closes connections that have long been idle.
func (p *postgres) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(l *postgresLane) bool {
		old := time.Since(l.since) >= idleTime
		if old {
			l.discard()
		}
		return old
	})
	if p.reaper = nil; len(p.idle) > 0 && !p.closed {
		p.reaper = time.AfterFunc(idleTime, p.reap)
	}
}

func (p *postgres) ping(ctx context.Context) error {
	lent, err := p.lend(ctx, 0)
	if err != nil {
		return err
	}
	l, _ := lent.(*postgresLane)
	err = l.conn.Ping(ctx)
	l.forget()
	p.mu.Lock()
	l.used = false
	p.mu.Unlock()
	l.release(false)
	return err
}

func (p *postgres) close() error {
	p.stop()
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.mu.Unlock()
	var closing sync.WaitGroup
	for _, l := range idle {
		closing.Go(l.goodbye)
	}
	closing.Wait()
	return nil
}
