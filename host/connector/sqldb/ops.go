package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
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
		Type: Type, Doc: "Relational databases: PostgreSQL, MySQL and MariaDB, SQLite.",
		Check: Config.check, Open: open,
		Ops: []connector.Operation[*Database]{
			connector.NewOperation("sql.execute", "Executes a statement with parameters and returns its first rows.", execute),
			connector.NewOperation("sql.batch", "Executes a statement once for each of many sets of parameters, all or none.", batch),
			connector.NewOperation("sql.next", "Returns further rows.", next),
			connector.NewOperation("sql.close", "Forgets the rows that are left.", closeCursor),
			connector.NewOperation("sql.call", "Calls a stored procedure or function.", callProcedure),
			connector.NewOperation("sql.begin", "Begins a transaction, which is rolled back when the call ends.", begin),
			connector.NewOperation("sql.commit", "Commits a transaction.", finish((*sql.Tx).Commit)),
			connector.NewOperation("sql.rollback", "Rolls a transaction back.", finish((*sql.Tx).Rollback)),
		},
	})
}

// maxBatch bounds the sets of parameters of one batch.
const maxBatch = 100_000

// within returns what runs the statements of a request, and how to end that.
// A connection with a stain is not used by anybody after that.
func (d *Database) within(ctx context.Context, r *connector.Request, id string, stain bool) (run runner, leave func(), err error) {
	if id == "" {
		c, err := d.conn(ctx)
		if err != nil {
			return nil, nil, d.fault(err)
		}
		return c, func() { release(c, stain) }, nil
	}
	h, err := d.find(r, "transaction", id)
	if err != nil {
		return nil, nil, err
	}
	if !h.busy.TryLock() {
		return nil, nil, unread()
	}
	h.stained = h.stained || stain
	return h.tx, h.busy.Unlock, nil
}

func unread() error {
	return host.Errorf(abi.Conflict, "the transaction is still sending rows of an earlier statement: read all of them first")
}

// release gives a connection back, or does away with it.
func release(c *sql.Conn, stained bool) {
	if stained {
		_ = c.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = c.Close()
}

func execute(ctx context.Context, d *Database, r *connector.Request, in statement) (out result, err error) {
	text, args, err := d.bind(in.Body.Statement, in.Body.Parameters)
	if err != nil {
		return out, err
	}
	form := d.shapeOf(text)
	if err := form.check(d.engine, in.Transaction != ""); err != nil {
		return out, err
	}
	run, leave, err := d.within(ctx, r, in.Transaction, form.stain(d.engine))
	if err != nil {
		return out, err
	}
	if !form.rows {
		defer leave()
		ctx, cancel := context.WithTimeout(ctx, d.timeout)
		defer cancel()
		done, err := again(run, func() (sql.Result, error) { return run.ExecContext(ctx, text, args...) })
		if err != nil {
			return out, d.fault(err)
		}
		return changed(done), nil
	}
	return d.query(ctx, r, run, leave, text, args)
}

// query runs a statement that has rows. What is not in the first page waits
// in a cursor.
func (d *Database) query(ctx context.Context, r *connector.Request, run runner, leave func(), text string, args []any) (out result, err error) {
	// The rows live as long as the call, the first ones have the timeout.
	reading, cancel := context.WithCancel(ctx)
	late := newAlarm(d.timeout, cancel)
	rows, err := again(run, func() (*sql.Rows, error) { return run.QueryContext(reading, text, args...) })
	if err != nil {
		late.stop()
		cancel()
		leave()
		return out, d.fault(late.explain(err))
	}
	end := func() {
		_ = rows.Close()
		cancel()
		leave()
	}
	p, err := newPage(reading, d, rows)
	if err == nil && len(p.kinds) == 0 { // it turns out to be a statement without rows
		late.stop()
		err = rows.Close()
		end()
		return out, d.fault(late.explain(err))
	}
	if err == nil {
		var body []byte
		var more bool
		body, more, err = p.read()
		if late.stop(); err == nil {
			return d.reply(ctx, r, &held{rows: p, end: end}, body, more)
		}
	}
	late.stop()
	end()
	return out, d.fault(late.explain(err))
}

// reply returns a page, and holds the rest if there is more.
func (d *Database) reply(ctx context.Context, r *connector.Request, h *held, body []byte, more bool) (out result, err error) {
	out.Body = body
	if !more {
		h.end()
		return out, nil
	}
	out.Cursor, err = d.keep(ctx, r, h)
	return out, err
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
	if d.drop(in.Cursor) != nil {
		h.end()
	}
	if err != nil {
		return out, d.fault(err)
	}
	return result{Body: body}, nil
}

func closeCursor(_ context.Context, d *Database, r *connector.Request, in cursor) (none connector.None, err error) {
	h, err := d.find(r, "cursor", in.Cursor)
	if err == nil && d.drop(in.Cursor) != nil {
		h.end()
	}
	return none, err
}

func batch(ctx context.Context, d *Database, r *connector.Request, in many) (out changes, err error) {
	if len(in.Body.Batch) > maxBatch {
		return out, host.FieldErrorf("batch", "the batch has %d sets of parameters, at most %d", len(in.Body.Batch), maxBatch)
	}
	form := d.shapeOf(in.Body.Statement)
	if err := form.check(d.engine, in.Transaction != ""); err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	run, leave, err := d.within(ctx, r, in.Transaction, form.stain(d.engine))
	if err != nil {
		return out, err
	}
	defer leave()
	c, own := run.(*sql.Conn)
	var tx *sql.Tx
	if own { // all or none
		if tx, err = c.BeginTx(ctx, nil); err != nil {
			return out, d.fault(err)
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
		run = tx
	}
	for _, parameters := range in.Body.Batch {
		text, args, err := d.bind(in.Body.Statement, parameters)
		if err != nil {
			return changes{}, err
		}
		done, err := run.ExecContext(ctx, text, args...)
		if err != nil {
			return changes{}, d.fault(err)
		}
		if n, err := done.RowsAffected(); err == nil {
			out.Affected += n
		}
	}
	if own {
		if err := tx.Commit(); err != nil {
			return changes{}, d.fault(err)
		}
	}
	return out, nil
}

func changed(done sql.Result) (out result) {
	if n, err := done.RowsAffected(); err == nil {
		out.Affected = &n
	}
	if id, err := done.LastInsertId(); err == nil && id != 0 {
		out.LastID = &id
	}
	return out
}

func begin(ctx context.Context, d *Database, r *connector.Request, _ connector.None) (out transaction, err error) {
	c, err := d.conn(ctx)
	if err != nil {
		return out, d.fault(err)
	}
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		_ = c.Close()
		return out, d.fault(err)
	}
	h := &held{tx: tx}
	h.end = func() {
		_ = tx.Rollback()
		h.busy.Lock() // what uses it sees that it has ended
		defer h.busy.Unlock()
		release(c, h.stained)
	}
	out.Transaction, err = d.keep(ctx, r, h)
	return out, err
}

// finish ends a transaction with a commit or a rollback.
func finish(how func(*sql.Tx) error) func(context.Context, *Database, *connector.Request, transaction) (connector.None, error) {
	return func(_ context.Context, d *Database, r *connector.Request, in transaction) (none connector.None, err error) {
		h, err := d.find(r, "transaction", in.Transaction)
		if err != nil {
			return none, err
		}
		if !h.busy.TryLock() {
			return none, unread()
		}
		err = how(h.tx)
		h.busy.Unlock()
		if d.drop(in.Transaction) != nil {
			h.end()
		}
		if errors.Is(err, sql.ErrTxDone) || errors.Is(err, context.Canceled) { // its call is ending
			return none, host.FieldErrorf("transaction", "the transaction has ended")
		}
		return none, d.fault(err)
	}
}
