package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/internal/form"
)

// Open returns a connection as the standard library's package for databases
// has it, so that what is written for that works in services too:
//
//	var orders = sql.Open("Orders")
//
//	err := orders.QueryRow("SELECT amount FROM orders WHERE id = $1", 7).Scan(&amount)
//
// It does not connect; the service needs a grant for the connection when it
// uses it. Parameters are in order, for the placeholders of the database, or
// all [sql.Named], for :name. Next to the values that database/sql has,
// parameters may be a [json.RawMessage], a [Decimal], a [UUID] and, for PostgreSQL, a slice.
//
// Rows have int64, float64, bool, string, []byte and [time.Time], which Scan
// converts. Decimals, intervals, UUIDs and times of day are text as the database writes
// it, JSON and lists are JSON. A time without a zone is in UTC.
//
// A transaction has the isolation of the database's own default. It and
// the rows that are not read end with the call. Errors are a [*serai.Error].
func Open(connection string) *sql.DB { return sql.OpenDB(connector(connection)) }

// connector is the name of a connection.
type connector string

func (c connector) Connect(context.Context) (driver.Conn, error) { return &conn{name: string(c)}, nil }
func (c connector) Driver() driver.Driver                        { return named{} }

// named opens connections by their names.
type named struct{}

func (named) Open(name string) (driver.Conn, error) {
	return connector(name).Connect(context.Background())
}

// conn is what statements are sent with: a name, and a transaction while there is one.
type conn struct{ name, transaction string }

var (
	_ driver.QueryerContext    = (*conn)(nil)
	_ driver.ExecerContext     = (*conn)(nil)
	_ driver.ConnBeginTx       = (*conn)(nil)
	_ driver.NamedValueChecker = (*conn)(nil)
	_ driver.Pinger            = (*conn)(nil)
)

// Close has nothing to do: the host has the connections.
func (c *conn) Close() error { return nil }

func (c *conn) Ping(ctx context.Context) error {
	_, err := c.execute(ctx, "SELECT 1", nil)
	return err
}

func (c *conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

var errOptions = errors.New("transactions have the database's own isolation: begin one without options")

func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if options != (driver.TxOptions{}) {
		return nil, errOptions
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id, err := Connection(c.name).Begin()
	if err != nil {
		return nil, err
	}
	c.transaction = id
	return (*tx)(c), nil
}

type tx conn

func (t *tx) Commit() error {
	id := t.transaction
	t.transaction = ""
	return Connection(t.name).Commit(id)
}

func (t *tx) Rollback() error {
	id := t.transaction
	t.transaction = ""
	return Connection(t.name).Rollback(id)
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error { return check(v) }

func (c *conn) QueryContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	reply, err := c.execute(ctx, statement, args)
	if err != nil {
		return nil, err
	}
	return newRows(c.name, reply)
}

func (c *conn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	reply, err := c.execute(ctx, statement, args)
	if err != nil {
		return nil, err
	}
	if cursor := reply.Get("cursor"); cursor != "" {
		if err := Connection(c.name).Close(cursor); err != nil {
			return nil, err
		}
	}
	return changed(reply), nil
}

func (c *conn) execute(ctx context.Context, statement string, args []driver.NamedValue) (form.Reply, error) {
	if err := ctx.Err(); err != nil {
		return form.Reply{}, err
	}
	r := form.New("sql.execute", c.name, 1)
	if c.transaction != "" {
		r.Add("transaction", c.transaction)
	}
	var err error
	if r.Body, err = appendRequest(r.Body, statement, args); err != nil {
		return form.Reply{}, &serai.Error{Code: abi.Invalid, Op: "sql.execute", Message: err.Error(), Err: err}
	}
	return r.Do()
}

// changed is what a statement without rows answered.
type changed form.Reply

func (c changed) LastInsertId() (int64, error) { return c.number("last-id", "the key of a new row") }

func (c changed) RowsAffected() (int64, error) {
	return c.number("affected", "how many rows it changed")
}

func (c changed) number(field, what string) (int64, error) {
	n := form.Optional(form.Reply(c), field, form.Reply.Int)
	if n == nil {
		return 0, errors.New("the database does not tell " + what)
	}
	return *n, nil
}

func (c *conn) Prepare(statement string) (driver.Stmt, error) { return stmt{c, statement}, nil }

// stmt is a statement by its text: the host prepares those that come again.
type stmt struct {
	*conn
	statement string
}

var (
	_ driver.StmtQueryContext = stmt{}
	_ driver.StmtExecContext  = stmt{}
)

// NumInput leaves it to the database to count.
func (stmt) NumInput() int { return -1 }

func (s stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.statement, args)
}

func (s stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.statement, args)
}

func (s stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), ordered(args))
}

func (s stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), ordered(args))
}

func ordered(args []driver.Value) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, v := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return out
}
