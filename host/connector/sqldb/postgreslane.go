package sqldb

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// postgresLane is a connection to PostgreSQL.
type postgresLane struct {
	slot
	db       *postgres
	conn     *pgx.Conn
	raw      syscall.RawConn
	args     []any // of the statement under way, after the formats of its results
	inside   bool  // a transaction
	prepares bool  // maybe statements that the author prepared
	spoilt   bool  // something that nothing undoes
}

var _ session = (*postgresLane)(nil)

// formats are the types whose values are read in PostgreSQL's binary form. Of
// all others there is the text, as the database writes it.
var formats = pgx.QueryResultFormatsByOID{
	pgtype.BoolOID: 1, pgtype.ByteaOID: 1, pgtype.CIDOID: 1, pgtype.DateOID: 1, pgtype.Float4OID: 1, pgtype.Float8OID: 1, pgtype.Int2OID: 1,
	pgtype.Int4OID: 1, pgtype.Int8OID: 1, pgtype.OIDOID: 1, pgtype.TimestampOID: 1, pgtype.TimestamptzOID: 1, pgtype.XIDOID: 1,
}

// restTime is how long an idle connection is taken for one that is there.
const restTime = 50 * time.Millisecond

func (l *postgresLane) alive(ctx context.Context, rested time.Duration) bool {
	return rested <= restTime || l.there(ctx)
}

// there reports whether the server has not closed an idle connection, without
// asking it. What it may have sent is left to be read.
func (l *postgresLane) there(ctx context.Context) bool {
	if l.raw == nil {
		conn, ok := l.conn.PgConn().Conn().(syscall.Conn)
		if ok {
			l.raw, _ = conn.SyscallConn()
		}
		if l.raw == nil { // TLS: what came cannot be read
			return l.conn.Ping(ctx) == nil
		}
	}
	var first [1]byte
	n, err := 0, error(nil)
	// Not RawConn.Read, which waits for others who read: the driver does, until
	// something comes, after a write that took long.
	failed := l.raw.Control(func(fd uintptr) {
		n, _, err = syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case failed != nil:
		return false
	case errors.Is(err, syscall.EAGAIN):
		return true
	}
	const fault = 'E' // the server says why it closes the connection
	return err == nil && n > 0 && first[0] != fault
}

// tidying has a session be as it was at first, but for prepared statements.
// These are the steps of DISCARD ALL.
const tidying = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES"

func (l *postgresLane) reset(ctx context.Context) error {
	if err := l.rollback(ctx); err != nil {
		return err
	}
	if _, err := l.simple(ctx, tidying); err != nil {
		return err
	}
	if l.prepares {
		if err := l.conn.DeallocateAll(ctx); err != nil {
			return err
		}
	}
	l.prepares = false
	return nil
}

// simple executes a statement without arguments and returns what it answers.
func (l *postgresLane) simple(ctx context.Context, statement string) (tag string, err error) {
	all := l.conn.PgConn().Exec(ctx, statement)
	for all.NextResult() {
		done, _ := all.ResultReader().Close() // its error is that of all
		tag = done.String()
	}
	return tag, all.Close()
}

func (l *postgresLane) release(stained bool) { l.pool.release(l, stained) }

func (l *postgresLane) condition() (usable, settled bool) {
	c := l.conn.PgConn()
	return !c.IsClosed() && !c.IsBusy() && !l.spoilt, c.TxStatus() == 'I'
}

func (l *postgresLane) ping(ctx context.Context) error { return l.conn.Ping(ctx) }

// goodbye closes the connection, for which the server need not answer.
func (l *postgresLane) goodbye() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	_ = l.conn.Close(ctx) // the server notices either way
}

func (l *postgresLane) begin(ctx context.Context) error {
	_, err := l.simple(ctx, "BEGIN")
	l.inside = err == nil
	return err
}

func (l *postgresLane) commit(ctx context.Context) error {
	l.inside = false
	tag, err := l.simple(ctx, "COMMIT")
	if err == nil && tag == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// rollback ends a transaction that the host or, behind its back, a statement began.
func (l *postgresLane) rollback(ctx context.Context) error {
	l.inside = false
	if l.conn.IsClosed() || l.conn.PgConn().TxStatus() == 'I' {
		return nil
	}
	_, err := l.simple(ctx, "ROLLBACK")
	return err
}

func (l *postgresLane) exec(ctx context.Context, s *parsed, args []any) (out changed, err error) {
	l.note(s.form)
	tag, err := l.conn.Exec(ctx, s.text, args...)
	if l.again(ctx, err) {
		tag, err = l.conn.Exec(ctx, s.text, args...)
	}
	if err != nil {
		return out, err
	}
	n := tag.RowsAffected()
	return changed{affected: &n}, nil
}

func (l *postgresLane) query(ctx context.Context, s *parsed, args []any) (rows, error) {
	l.note(s.form)
	l.args = append(append(l.args[:0], formats), args...)
	r, err := l.start(ctx, s)
	if l.again(ctx, err) {
		r, err = l.start(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// start executes a statement and moves to its first row, so that its fault is known.
func (l *postgresLane) start(ctx context.Context, s *parsed) (*postgresRows, error) {
	found, err := l.conn.Query(ctx, s.text, l.args...)
	if err != nil {
		return nil, err
	}
	r := &postgresRows{Rows: found, lane: l, statement: s}
	r.fields = found.FieldDescriptions()
	r.first = found.Next()
	if err := found.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// note remembers what a statement may have done that is more than [tidying] undoes.
func (l *postgresLane) note(s shape) {
	l.prepares = l.prepares || s.prepares()
	l.spoilt = l.spoilt || s.first == "LOAD"
}

// again reports whether a statement that failed is to be done once more,
// because it has not done anything: the connection was lost before it was
// sent, or the server had prepared it for tables as they were before they
// changed. In a transaction, which both end, it stays an error.
func (l *postgresLane) again(ctx context.Context, err error) bool {
	if err == nil || l.inside || ctx.Err() != nil {
		return false
	}
	if pgconn.SafeToRetry(err) && l.conn.IsClosed() {
		conn, err := pgx.ConnectConfig(ctx, l.db.config)
		if err == nil {
			l.conn, l.raw = conn, nil
		}
		return err == nil
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "26000" || pg.Code == "0A000" && pg.Routine == "RevalidateCachedQuery")
}

// batchSize is how many statements are sent before their outcome is read.
const batchSize = 500

func (l *postgresLane) batch(ctx context.Context, all []bound) (affected int64, err error) {
	for len(all) > 0 {
		var b pgx.Batch
		n := min(batchSize, len(all))
		for _, one := range all[:n] {
			l.note(one.form)
			b.Queue(one.text, one.args...)
		}
		all = all[n:]
		results := l.conn.SendBatch(ctx, &b)
		for range n {
			tag, err := results.Exec()
			if err != nil {
				_ = results.Close() // the same error
				return 0, err
			}
			affected += tag.RowsAffected()
		}
		if err := results.Close(); err != nil {
			return 0, fmt.Errorf("ending the batch: %w", err)
		}
	}
	return affected, nil
}
