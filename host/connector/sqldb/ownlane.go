package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// ownSessions are connections of database/sql in a pool of this package.
// database/sql keeps none of them itself.
type ownSessions struct {
	*sessions
	db *sql.DB
}

func newOwnSessions(size int, made driver.Connector, with func(ctx context.Context, conn *sql.Conn) (session, error)) *ownSessions {
	db := sql.OpenDB(made)
	db.SetMaxIdleConns(-1)
	return &ownSessions{newSessions(size, func(ctx context.Context) (session, error) {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		s, err := with(ctx, conn)
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		return s, nil
	}), db}
}

func (s *ownSessions) close() error { return errors.Join(s.sessions.close(), s.db.Close()) }

// ownLane is a connection of database/sql in a pool of this package. Its
// transactions are statements: database/sql lets no context interrupt a commit,
// and rolls back by itself when one ends, which another call might have the
// connection for by then.
type ownLane struct {
	libraryLane
	slot
	start   string // begins a transaction
	inside  bool   // a transaction
	broken  bool   // nobody knows whether it is
	hosting bool   // the host's own statement is executed
}

// host executes a statement of the host's own.
func (l *ownLane) host(ctx context.Context, statement string) error {
	l.hosting = true
	defer func() { l.hosting = false }()
	_, err := l.conn.ExecContext(ctx, statement)
	return err
}

func (l *ownLane) begin(ctx context.Context) error {
	err := l.host(ctx, l.start)
	l.inside, l.broken = err == nil, l.broken || ctx.Err() != nil
	return err
}

func (l *ownLane) commit(ctx context.Context) error {
	err := l.host(ctx, "COMMIT")
	if err != nil {
		_ = l.rollback(ctx) // the error is that of the commit
	}
	l.inside = false
	return err
}

func (l *ownLane) rollback(ctx context.Context) error {
	if !l.inside {
		return nil
	}
	l.inside = false
	err := l.host(ctx, "ROLLBACK")
	l.broken = l.broken || err != nil
	return err
}

func (l *ownLane) condition() (usable, settled bool) {
	return !l.broken && l.conn.Raw(valid) == nil, !l.inside
}

func (l *ownLane) ping(ctx context.Context) error { return l.conn.PingContext(ctx) }

func (l *ownLane) goodbye() { _ = l.conn.Close() }
