package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// library is databases through database/sql, whose pool they have: the driver of
// SQL Server has a session reset before it is used again, that of Oracle does not.
type library struct {
	db   *sql.DB
	name string // of the engine
}

var _ engine = (*library)(nil)

func newLibrary(db *sql.DB, c Config) *library {
	db.SetMaxOpenConns(c.PoolSize)
	db.SetMaxIdleConns(c.PoolSize)
	db.SetConnMaxIdleTime(idleTime)
	return &library{db, c.Engine}
}

func (l *library) ping(ctx context.Context) error { return l.db.PingContext(ctx) }

func (l *library) close() error { return l.db.Close() }

func (l *library) lend(ctx context.Context, _ caller) (lane, error) {
	c, err := l.db.Conn(ctx)
	// The library gives up after some that broke while they were idle. There
	// are at most so many.
	for n := l.db.Stats().MaxOpenConnections; errors.Is(err, driver.ErrBadConn) && n > 0; n-- {
		c, err = l.db.Conn(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &libraryLane{engine: l.name, conn: c}, nil
}

// libraryLane is a connection of database/sql.
type libraryLane struct {
	engine string
	conn   *sql.Conn
	tx     *sql.Tx
}

// runner runs statements: a connection or a transaction.
type runner interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (l *libraryLane) runner() runner {
	if l.tx != nil {
		return l.tx
	}
	return l.conn
}

func (l *libraryLane) query(ctx context.Context, s *parsed, args []any) (rows, error) {
	found, err := l.runner().QueryContext(ctx, s.text, args...) //nolint:rowserrcheck // by who gets them
	if err != nil {
		return nil, err
	}
	return &libraryRows{rows: found, engine: l.engine}, nil
}

func (l *libraryLane) exec(ctx context.Context, s *parsed, args []any) (out changed, err error) {
	done, err := l.runner().ExecContext(ctx, s.text, args...)
	if err != nil {
		return out, err
	}
	if n, err := done.RowsAffected(); err == nil {
		out.affected = &n
	}
	if id, err := done.LastInsertId(); err == nil && id != 0 {
		out.lastID = &id
	}
	return out, nil
}

func (l *libraryLane) batch(ctx context.Context, all []bound) (affected int64, err error) {
	for _, one := range all {
		done, err := l.exec(ctx, one.parsed, one.args)
		if err != nil {
			return 0, err
		}
		if done.affected != nil {
			affected += *done.affected
		}
	}
	return affected, nil
}

func (l *libraryLane) begin(ctx context.Context) (err error) {
	l.tx, err = l.conn.BeginTx(ctx, nil)
	return err
}

func (l *libraryLane) commit(context.Context) error { return l.finish((*sql.Tx).Commit) }

func (l *libraryLane) rollback(context.Context) error { return l.finish((*sql.Tx).Rollback) }

func (l *libraryLane) finish(how func(*sql.Tx) error) error {
	if l.tx == nil {
		return nil
	}
	err := how(l.tx)
	l.tx = nil
	return err
}

func (l *libraryLane) release(stained bool) {
	if stained {
		_ = l.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = l.conn.Close()
}

// libraryRows are rows of database/sql.
type libraryRows struct {
	rows    *sql.Rows
	engine  string
	kinds   []string
	values  []any
	targets []any
}

func (r *libraryRows) head(context.Context) ([]byte, error) {
	types, err := r.rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("reading columns: %w", err)
	}
	names := make([]string, len(types))
	r.kinds, r.values, r.targets = make([]string, len(types)), make([]any, len(types)), make([]any, len(types))
	for i, t := range types {
		names[i], r.kinds[i], r.targets[i] = t.Name(), kindOf(r.engine, t.DatabaseTypeName()), &r.values[i]
		if precision, scale, ok := t.DecimalSize(); r.engine == oracleName && r.kinds[i] == "decimal" && ok && scale == 0 && 0 < precision && precision <= 18 {
			r.kinds[i] = "integer"
		}
	}
	return headOf(names, r.kinds)
}

func (r *libraryRows) next() bool { return r.rows.Next() }

func (r *libraryRows) append(out []byte) ([]byte, error) {
	if err := r.rows.Scan(r.targets...); err != nil {
		return nil, fmt.Errorf("reading row: %w", err)
	}
	out = append(out, '[')
	for i, v := range r.values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendValue(out, v, r.kinds[i], r.engine)
	}
	return append(out, ']'), nil
}

func (r *libraryRows) err() error    { return r.rows.Err() }
func (r *libraryRows) nextSet() bool { return r.rows.NextResultSet() }
func (r *libraryRows) close() error  { return r.rows.Close() }

// valid returns an error if the driver has given a connection up.
func valid(c any) error {
	if v, ok := c.(driver.Validator); ok && !v.IsValid() {
		return driver.ErrBadConn
	}
	return nil
}
