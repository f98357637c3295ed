package sqldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Fields of the operations.
const (
	fieldTransaction = "transaction"
	fieldCursor      = "cursor"
	fieldAffected    = "affected"
	fieldLastID      = "last-id"
)

var paramTransaction = connector.Param{Name: fieldTransaction, Doc: "id that sql.begin returned; without it the statement is a transaction of its own"}

// Connector returns the connector.
func Connector() connector.Connector {
	return connector.Define(connector.Spec[Config, *Database]{
		Type: Type, Doc: "Relational databases: PostgreSQL, MySQL and MariaDB, SQLite.",
		Check: Config.check, Open: open,
		Ops: []connector.Operation[*Database]{
			{
				Name: "sql.execute", Doc: "Executes a statement with parameters and returns its first rows.",
				In:   []connector.Param{paramTransaction},
				Body: `JSON: {"statement": "… :name …", "parameters": {"name": value} or [values]}`,
				Out: []connector.Param{
					{Name: fieldAffected, Doc: "rows that were changed, of a statement without rows"},
					{Name: fieldLastID, Doc: "key that the database made, where it tells"},
					{Name: fieldCursor, Doc: "where to get further rows"},
				},
				Reply: `JSON: {"columns": [names], "types": [types], "rows": [[values]]}`, Do: execute,
			},
			{
				Name: "sql.batch", Doc: "Executes a statement once for each of many sets of parameters, all or none.",
				In:   []connector.Param{paramTransaction},
				Body: `JSON: {"statement": "…", "batch": [parameters, …]}`,
				Out:  []connector.Param{{Name: fieldAffected, Doc: "rows that were changed in all"}}, Do: batch,
			},
			{
				Name: "sql.next", Doc: "Returns further rows.", In: []connector.Param{{Name: fieldCursor, Doc: "as it was returned"}},
				Out:   []connector.Param{{Name: fieldCursor, Doc: "absent when these are the last rows"}},
				Reply: "as of sql.execute", Do: next,
			},
			{
				Name: "sql.begin", Doc: "Begins a transaction, which is rolled back when the call ends.",
				Out: []connector.Param{{Name: fieldTransaction, Doc: "id for statements in it"}}, Do: begin,
			},
			{Name: "sql.commit", Doc: "Commits a transaction.", In: []connector.Param{paramTransaction}, Do: finish((*sql.Tx).Commit)},
			{Name: "sql.rollback", Doc: "Rolls a transaction back.", In: []connector.Param{paramTransaction}, Do: finish((*sql.Tx).Rollback)},
		},
	})
}

// request is the body of an operation.
type request struct {
	Statement  string            `json:"statement"`
	Parameters json.RawMessage   `json:"parameters"`
	Batch      []json.RawMessage `json:"batch"`
}

// maxBatch bounds the sets of parameters of one batch.
const maxBatch = 100_000

func parse(r *connector.Request) (in request, err error) {
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return in, host.FieldErrorf("body", "the body is no JSON object with statement and parameters")
	}
	if in.Statement == "" {
		return in, host.FieldErrorf("statement", "the statement is missing")
	}
	if len(in.Batch) > maxBatch {
		return in, host.FieldErrorf("batch", "the batch has %d sets of parameters, at most %d", len(in.Batch), maxBatch)
	}
	return in, nil
}

// within returns what runs the statements of a request, and how to end that.
func (d *Database) within(ctx context.Context, r *connector.Request) (run runner, leave func(), err error) {
	if r.Envelope.Get(fieldTransaction) == "" {
		c, err := d.conn(ctx)
		if err != nil {
			return nil, nil, d.fault(err)
		}
		return c, func() { _ = c.Close() }, nil
	}
	h, _, err := d.find(r, fieldTransaction)
	if err == nil && h.tx == nil {
		err = host.FieldErrorf(fieldTransaction, "the id is that of a cursor")
	}
	if err != nil {
		return nil, nil, err
	}
	if !h.busy.TryLock() {
		return nil, nil, host.Errorf(abi.Conflict, "the transaction is still sending rows of an earlier statement: read all of them first")
	}
	return h.tx, h.busy.Unlock, nil
}

func execute(ctx context.Context, d *Database, r *connector.Request) (*connector.Result, error) {
	in, err := parse(r)
	if err != nil {
		return nil, err
	}
	statement, args, err := d.bind(in.Statement, in.Parameters)
	if err != nil {
		return nil, err
	}
	run, leave, err := d.within(ctx, r)
	if err != nil {
		return nil, err
	}
	if !returnsRows(statement) {
		defer leave()
		ctx, cancel := context.WithTimeout(ctx, d.timeout)
		defer cancel()
		done, err := run.ExecContext(ctx, statement, args...)
		if err != nil {
			return nil, d.fault(err)
		}
		return changed(done), nil
	}
	return d.query(ctx, r, run, leave, statement, args)
}

// query runs a statement that has rows. What is not in the first page waits
// in a cursor.
func (d *Database) query(ctx context.Context, r *connector.Request, run runner, leave func(), statement string, args []any) (*connector.Result, error) {
	// The rows live as long as the call, the first ones have the timeout.
	reading, cancel := context.WithCancel(ctx)
	late := newAlarm(d.timeout, cancel)
	rows, err := run.QueryContext(reading, statement, args...)
	if err != nil {
		late.stop()
		cancel()
		leave()
		return nil, d.fault(late.explain(err))
	}
	end := func() {
		_ = rows.Close()
		cancel()
		leave()
	}
	p, err := newPage(rows, d.engine)
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
	return nil, d.fault(late.explain(err))
}

// reply returns a page, and holds the rest if there is more.
func (d *Database) reply(ctx context.Context, r *connector.Request, h *held, body []byte, more bool) (*connector.Result, error) {
	out := &connector.Result{Body: body}
	if !more {
		h.end()
		return out, nil
	}
	id, err := d.keep(ctx, r, h)
	if err != nil {
		return nil, err
	}
	out.Envelope.Add(fieldCursor, id)
	return out, nil
}

func next(_ context.Context, d *Database, r *connector.Request) (*connector.Result, error) {
	h, id, err := d.find(r, fieldCursor)
	if err != nil {
		return nil, err
	}
	if h.rows == nil {
		return nil, host.FieldErrorf(fieldCursor, "the id is that of a transaction")
	}
	h.busy.Lock()
	defer h.busy.Unlock()
	body, more, err := h.rows.read()
	if err == nil && more {
		return &connector.Result{Body: body, Envelope: abi.Envelope{{Name: fieldCursor, Value: id}}}, nil
	}
	if d.drop(id) != nil {
		h.end()
	}
	if err != nil {
		return nil, d.fault(err)
	}
	return &connector.Result{Body: body}, nil
}

func batch(ctx context.Context, d *Database, r *connector.Request) (*connector.Result, error) {
	in, err := parse(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	run, leave, err := d.within(ctx, r)
	if err != nil {
		return nil, err
	}
	defer leave()
	c, own := run.(*sql.Conn)
	var tx *sql.Tx
	if own { // all or none
		if tx, err = c.BeginTx(ctx, nil); err != nil {
			return nil, d.fault(err)
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
		run = tx
	}
	var total int64
	for _, parameters := range in.Batch {
		statement, args, err := d.bind(in.Statement, parameters)
		if err != nil {
			return nil, err
		}
		done, err := run.ExecContext(ctx, statement, args...)
		if err != nil {
			return nil, d.fault(err)
		}
		if n, err := done.RowsAffected(); err == nil {
			total += n
		}
	}
	if own {
		if err := tx.Commit(); err != nil {
			return nil, d.fault(err)
		}
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: fieldAffected, Value: strconv.FormatInt(total, 10)}}}, nil
}

func changed(done sql.Result) *connector.Result {
	out := &connector.Result{}
	if n, err := done.RowsAffected(); err == nil {
		out.Envelope.Add(fieldAffected, strconv.FormatInt(n, 10))
	}
	if id, err := done.LastInsertId(); err == nil && id != 0 {
		out.Envelope.Add(fieldLastID, strconv.FormatInt(id, 10))
	}
	return out
}

func begin(ctx context.Context, d *Database, r *connector.Request) (*connector.Result, error) {
	c, err := d.conn(ctx)
	if err != nil {
		return nil, d.fault(err)
	}
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		_ = c.Close()
		return nil, d.fault(err)
	}
	id, err := d.keep(ctx, r, &held{tx: tx, end: func() {
		_ = tx.Rollback()
		_ = c.Close()
	}})
	if err != nil {
		return nil, err
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: fieldTransaction, Value: id}}}, nil
}

// finish ends a transaction with a commit or a rollback.
func finish(how func(*sql.Tx) error) func(context.Context, *Database, *connector.Request) (*connector.Result, error) {
	return func(_ context.Context, d *Database, r *connector.Request) (*connector.Result, error) {
		h, id, err := d.find(r, fieldTransaction)
		if err == nil && h.tx == nil {
			err = host.FieldErrorf(fieldTransaction, "the id is that of a cursor")
		}
		if err != nil {
			return nil, err
		}
		h.busy.Lock()
		defer h.busy.Unlock()
		err = how(h.tx)
		if d.drop(id) != nil {
			h.end()
		}
		if errors.Is(err, sql.ErrTxDone) || errors.Is(err, context.Canceled) { // its call is ending
			return nil, host.FieldErrorf(fieldTransaction, "the transaction has ended")
		}
		if err != nil {
			return nil, d.fault(err)
		}
		return &connector.Result{}, nil
	}
}
