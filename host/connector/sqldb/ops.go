package sqldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// statement is a request for sql.execute.
type statement struct {
	Transaction string `field:"transaction" doc:"id that sql.begin returned; without it the statement is a transaction of its own"`
	Body        struct {
		Statement  string          `json:"statement" required:"true" doc:"SQL with :name, or the database's own $1 or ?, where parameters go"`
		Parameters json.RawMessage `json:"parameters" doc:"an object of values by name, or an array of them"`
	} `body:"the statement and its parameters"`
}

// result is what a statement gave.
type result struct {
	Affected *int64          `field:"affected" doc:"rows that were changed, of a statement without rows"`
	LastID   *int64          `field:"last-id" doc:"key that the database made, where it tells"`
	Cursor   string          `field:"cursor" doc:"where to get further rows; absent when these are the last"`
	Body     json.RawMessage `body:"{\"columns\": [names], \"types\": [types], \"rows\": [[values]]}"`
}

// many is a request for sql.batch.
type many struct {
	Transaction string `field:"transaction" doc:"id that sql.begin returned; without it the batch is a transaction of its own"`
	Body        struct {
		Statement string            `json:"statement" required:"true" doc:"SQL with :name, or the database's own $1 or ?, where parameters go"`
		Batch     []json.RawMessage `json:"batch" doc:"sets of parameters, each an object or an array"`
	} `body:"the statement and its sets of parameters"`
}

type changes struct {
	Affected int64 `field:"affected" doc:"rows that were changed in all"`
}

type cursor struct {
	Cursor string `field:"cursor" required:"true" doc:"as it was returned"`
}

type transaction struct {
	Transaction string `field:"transaction" required:"true" doc:"id of the transaction"`
}

// Connector returns the connector.
func Connector() connector.Connector {
	return connector.Define(connector.Spec[Config, *Database]{
		Type: Type, Doc: "Relational databases: PostgreSQL, MySQL and MariaDB, SQLite; SQL Server and Oracle, which are not tested against a server.",
		Check: Config.check, Open: open,
		Ops: []connector.Operation[*Database]{
			connector.NewOperation("sql.execute", "Executes a statement with parameters and returns its first rows.", execute),
			connector.NewOperation("sql.batch", "Executes a statement once for each of many sets of parameters, all or none.", batch),
			connector.NewOperation("sql.next", "Returns further rows.", next),
			connector.NewOperation("sql.close", "Forgets the rows that are left.", closeCursor),
			connector.NewOperation("sql.call", "Calls a stored procedure or function.", callProcedure),
			connector.NewOperation("sql.begin", "Begins a transaction, which is rolled back when the call ends.", begin),
			connector.NewOperation("sql.commit", "Commits a transaction.", finish(lane.commit)),
			connector.NewOperation("sql.rollback", "Rolls a transaction back.", finish(lane.rollback)),
		},
	})
}

// maxBatch bounds the sets of parameters of one batch.
const maxBatch = 100_000

// within returns the connection that a request's statements run on, and how to
// give it back. A connection with a stain is not used by anybody as it is.
func (d *Database) within(ctx context.Context, r *connector.Request, id string, stain bool) (l lane, leave func(), err error) {
	if id == "" {
		l, err := d.db.lend(ctx, callerOf(r))
		if err != nil {
			return nil, nil, d.fault(err)
		}
		return l, func() { l.release(stain) }, nil
	}
	h, err := d.find(r, "transaction", id)
	if err != nil {
		return nil, nil, err
	}
	if !h.busy.TryLock() {
		return nil, nil, unread()
	}
	h.stained = h.stained || stain
	return h.lane, h.busy.Unlock, nil
}

func unread() error {
	return host.Errorf(abi.Conflict, "the transaction is still sending rows of an earlier statement: read all of them first")
}

func execute(ctx context.Context, d *Database, r *connector.Request, in statement) (out result, err error) {
	s, err := d.bind(in.Body.Statement, in.Body.Parameters)
	if err != nil {
		return out, err
	}
	if err := s.form.check(d.engine, in.Transaction != ""); err != nil {
		return out, err
	}
	l, leave, err := d.within(ctx, r, in.Transaction, s.form.stain(d.engine))
	if err != nil {
		return out, err
	}
	if s.form.rows {
		return d.query(ctx, r, l, leave, s)
	}
	defer leave()
	ctx, late := newAlarm(ctx, d.timeout)
	defer late.end()
	done, err := l.exec(ctx, s.parsed, s.args)
	if err != nil {
		return out, d.fault(late.explain(err))
	}
	return result{Affected: done.affected, LastID: done.lastID}, nil
}

// query runs a statement that has rows. What is not in the first page waits
// in a cursor.
func (d *Database) query(ctx context.Context, r *connector.Request, l lane, leave func(), s bound) (out result, err error) {
	// The rows live as long as the call, the first ones have the timeout.
	reading, late := newAlarm(ctx, d.timeout)
	found, err := l.query(reading, s.parsed, s.args)
	if err != nil {
		late.end()
		leave()
		return out, d.fault(late.explain(err))
	}
	h := &held{late: late, done: leave}
	var more bool
	if h.rows, err = newPage(reading, found); h.rows != nil {
		out.Body, more, err = h.rows.read()
	}
	if late.stop(); err == nil && more {
		if out.Cursor, err = d.keep(ctx, r, h); err == nil {
			return out, nil
		}
	}
	if e := found.close(); err == nil {
		err = e
	}
	late.end()
	leave()
	if err != nil {
		return result{}, d.fault(late.explain(err))
	}
	return out, nil
}

func next(_ context.Context, d *Database, r *connector.Request, in cursor) (out result, err error) {
	h, err := d.find(r, "cursor", in.Cursor)
	if err != nil {
		return out, err
	}
	h.busy.Lock()
	defer h.busy.Unlock()
	body, more, err := h.rows.read()
	if err == nil && more {
		return result{Body: body, Cursor: in.Cursor}, nil
	}
	if d.kept.Drop(in.Cursor) {
		h.end()
	}
	if err != nil {
		return out, d.fault(err)
	}
	return result{Body: body}, nil
}

func closeCursor(_ context.Context, d *Database, r *connector.Request, in cursor) (none connector.None, err error) {
	h, err := d.find(r, "cursor", in.Cursor)
	if err == nil && d.kept.Drop(in.Cursor) {
		h.busy.Lock()
		defer h.busy.Unlock()
		h.end()
	}
	return none, err
}

func batch(ctx context.Context, d *Database, r *connector.Request, in many) (out changes, err error) {
	if len(in.Body.Batch) > maxBatch {
		return out, host.FieldErrorf("batch", "the batch has %d sets of parameters, at most %d", len(in.Body.Batch), maxBatch)
	}
	all := make([]bound, len(in.Body.Batch))
	stain := false
	for i, parameters := range in.Body.Batch {
		if all[i], err = d.bind(in.Body.Statement, parameters); err != nil {
			return out, err
		}
		if err := all[i].form.check(d.engine, in.Transaction != ""); err != nil {
			return out, err
		}
		stain = stain || all[i].form.stain(d.engine)
	}
	ctx, late := newAlarm(ctx, d.timeout)
	defer late.end()
	l, leave, err := d.within(ctx, r, in.Transaction, stain)
	if err != nil {
		return out, err
	}
	defer leave()
	run := l.batch
	if in.Transaction == "" { // all or none
		run = func(ctx context.Context, all []bound) (int64, error) { return inTransaction(ctx, l, all) }
	}
	if out.Affected, err = run(ctx, all); err != nil {
		return changes{}, d.fault(late.explain(err))
	}
	return out, nil
}

func inTransaction(ctx context.Context, l lane, all []bound) (affected int64, err error) {
	if err := l.begin(ctx); err != nil {
		return 0, err
	}
	if affected, err = l.batch(ctx, all); err != nil {
		_ = l.rollback(ctx) // what it cannot undo ends with the connection
		return 0, err
	}
	return affected, l.commit(ctx)
}

func begin(ctx context.Context, d *Database, r *connector.Request, _ connector.None) (out transaction, err error) {
	l, err := d.db.lend(ctx, callerOf(r))
	if err != nil {
		return out, d.fault(err)
	}
	if err := l.begin(ctx); err != nil {
		l.release(false)
		return out, d.fault(err)
	}
	h := &held{lane: l}
	if out.Transaction, err = d.keep(ctx, r, h); err != nil {
		h.end()
	}
	return out, err
}

// finish ends a transaction with a commit or a rollback.
func finish(how func(lane, context.Context) error) func(context.Context, *Database, *connector.Request, transaction) (connector.None, error) {
	return func(ctx context.Context, d *Database, r *connector.Request, in transaction) (none connector.None, err error) {
		h, err := d.find(r, "transaction", in.Transaction)
		if err != nil {
			return none, err
		}
		if !h.busy.TryLock() {
			return none, unread()
		}
		defer h.busy.Unlock()
		if !d.kept.Drop(in.Transaction) { // its call is ending
			return none, host.FieldErrorf("transaction", "the transaction has ended")
		}
		ctx, late := newAlarm(ctx, d.timeout)
		defer late.end()
		err = how(h.lane, ctx)
		h.end()
		if errors.Is(err, sql.ErrTxDone) || errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return none, host.FieldErrorf("transaction", "the transaction has ended")
		}
		return none, d.fault(late.explain(err))
	}
}
