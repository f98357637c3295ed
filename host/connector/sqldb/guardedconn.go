package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"
)

// guardedConn is a connection of a guarded driver.
type guardedConn struct {
	driver.Conn
	of   *guarded
	line line
}

var (
	_ driver.ConnPrepareContext = (*guardedConn)(nil)
	_ driver.ConnBeginTx        = (*guardedConn)(nil)
	_ driver.Pinger             = (*guardedConn)(nil)
	_ driver.SessionResetter    = (*guardedConn)(nil)
	_ driver.Validator          = (*guardedConn)(nil)
	_ driver.NamedValueChecker  = (*guardedConn)(nil)
)

// Close implements driver.Conn. A library may say goodbye to the server.
func (c *guardedConn) Close() error {
	if !c.line.severed() {
		_ = c.parting(c.Conn.Close)
	}
	c.line.sever()
	return nil
}

// Ping implements driver.Pinger.
func (c *guardedConn) Ping(ctx context.Context) error {
	p, ok := c.Conn.(driver.Pinger)
	if !ok {
		return nil
	}
	return c.do(ctx, c.of.patience, p.Ping)
}

// ResetSession implements driver.SessionResetter.
func (c *guardedConn) ResetSession(ctx context.Context) error {
	r, ok := c.Conn.(driver.SessionResetter)
	if !ok {
		return nil
	}
	return c.do(ctx, 0, r.ResetSession)
}

// IsValid implements driver.Validator.
func (c *guardedConn) IsValid() bool {
	return !c.line.severed() && !c.line.spent.Load() && !c.lost()
}

// lost reports whether the library has given the connection up.
func (c *guardedConn) lost() bool {
	v, ok := c.Conn.(driver.Validator)
	return ok && !v.IsValid()
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *guardedConn) CheckNamedValue(v *driver.NamedValue) error {
	n, ok := c.Conn.(driver.NamedValueChecker)
	if !ok {
		return driver.ErrSkip
	}
	return n.CheckNamedValue(v)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *guardedConn) PrepareContext(ctx context.Context, query string) (out driver.Stmt, err error) {
	p, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = c.do(ctx, c.of.patience, func(ctx context.Context) (err error) {
		s, err := p.PrepareContext(ctx, query)
		out = &guardedStmt{s, c}
		return err
	})
	return out, err
}

// BeginTx implements driver.ConnBeginTx.
func (c *guardedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (out driver.Tx, err error) {
	b, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = c.do(ctx, c.of.patience, func(inner context.Context) (err error) {
		tx, err := b.BeginTx(inner, opts)
		out = &guardedTx{tx, c, ctx}
		return err
	})
	return out, err
}

// guardedTx is a transaction.
type guardedTx struct {
	driver.Tx
	conn *guardedConn
	ctx  context.Context //nolint:containedctx // that it was begun with; a commit has none of its own
}

// Commit implements driver.Tx.
func (t *guardedTx) Commit() error {
	return t.conn.do(t.ctx, 0, func(context.Context) error { return t.Tx.Commit() })
}

// Rollback implements driver.Tx.
func (t *guardedTx) Rollback() error { return t.conn.parting(t.Tx.Rollback) }

// guardedStmt is a statement.
type guardedStmt struct {
	driver.Stmt
	conn *guardedConn
}

var (
	_ driver.StmtExecContext  = (*guardedStmt)(nil)
	_ driver.StmtQueryContext = (*guardedStmt)(nil)
)

// Close implements driver.Stmt.
func (s *guardedStmt) Close() error {
	if s.conn.line.severed() {
		return nil
	}
	return s.conn.parting(s.Stmt.Close)
}

// ExecContext implements driver.StmtExecContext.
func (s *guardedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (out driver.Result, err error) {
	e, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = s.conn.do(ctx, s.conn.of.patience, func(ctx context.Context) (err error) {
		out, err = e.ExecContext(ctx, args)
		return err
	})
	return out, err
}

// QueryContext implements driver.StmtQueryContext.
func (s *guardedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (out driver.Rows, err error) {
	q, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = s.conn.do(ctx, s.conn.of.patience, func(inner context.Context) (err error) {
		r, err := q.QueryContext(inner, args)
		out = &guardedRows{r, s.conn, ctx}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// guardedRows are rows.
type guardedRows struct {
	driver.Rows
	conn *guardedConn
	ctx  context.Context //nolint:containedctx // of the query, which reading rows belongs to
}

var (
	_ driver.RowsNextResultSet              = (*guardedRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*guardedRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*guardedRows)(nil)
)

// Next implements driver.Rows. Where a connection breaks off between packets,
// go-mssqldb says so with what means the end of the rows.
func (r *guardedRows) Next(dest []driver.Value) error {
	err := r.conn.do(r.ctx, r.conn.of.patience, func(context.Context) error { return r.Rows.Next(dest) })
	if errors.Is(err, io.EOF) && r.conn.lost() {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close implements driver.Rows. A library may read what is left. Where that
// does not succeed, or the statement was given up, an answer may still come,
// which the next statement would take for its own.
func (r *guardedRows) Close() error {
	err := r.conn.parting(r.Rows.Close)
	if r.ctx.Err() != nil {
		r.conn.line.spent.Store(true)
	}
	if err != nil {
		r.conn.line.sever()
	}
	// What go-mssqldb has read already waits until somebody takes it, which
	// Close does not do to the end on a line that is severed.
	for n := 0; err != nil && r.conn.of.patience > 0 && r.conn.line.severed() && n < 1000; n++ {
		time.Sleep(time.Millisecond)
		err = r.conn.parting(r.Rows.Close)
	}
	return err
}

// HasNextResultSet implements driver.RowsNextResultSet.
func (r *guardedRows) HasNextResultSet() bool {
	n, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && n.HasNextResultSet()
}

// NextResultSet implements driver.RowsNextResultSet.
func (r *guardedRows) NextResultSet() error {
	n, ok := r.Rows.(driver.RowsNextResultSet)
	if !ok {
		return errors.ErrUnsupported
	}
	return r.conn.do(r.ctx, r.conn.of.patience, func(context.Context) error { return n.NextResultSet() })
}

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *guardedRows) ColumnTypeDatabaseTypeName(i int) (name string) {
	if n, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		_ = r.conn.do(r.ctx, 0, func(context.Context) error {
			name = n.ColumnTypeDatabaseTypeName(i)
			return nil
		})
	}
	return name
}

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale.
func (r *guardedRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if n, is := r.Rows.(driver.RowsColumnTypePrecisionScale); is {
		_ = r.conn.do(r.ctx, 0, func(context.Context) error {
			precision, scale, ok = n.ColumnTypePrecisionScale(i)
			return nil
		})
	}
	return precision, scale, ok
}
