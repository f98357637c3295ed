package sqldb

import "context"

// engine is the connections to a database of one kind. [postgres] speaks
// PostgreSQL's protocol, [library] has database/sql between.
type engine interface {
	// lend returns a connection that is the caller's until it is released. It
	// waits for one while all are in use. What somebody else left in it is
	// gone; what the same call left may be there.
	lend(ctx context.Context, to caller) (lane, error)
	// ping asks the database for a sign of life.
	ping(ctx context.Context) error
	// close closes the connections that nobody has, and the others when they
	// are released.
	close() error
}

// caller is the call that a connection works for, by the number in its scope.
type caller uint64

// lane is a connection that somebody has. Its methods are not called at the
// same time. A context that ends interrupts what is under way, after which the
// connection may be of no use; who releases it need not know.
type lane interface {
	// query executes a statement and returns its rows, of which there may be
	// none. Nothing else can be done until they are closed, and ctx is in use
	// until then.
	query(ctx context.Context, s *parsed, args []any) (rows, error)
	// exec executes a statement and drops its rows.
	exec(ctx context.Context, s *parsed, args []any) (changed, error)
	// batch executes statements until one fails and returns how many rows
	// they changed in all.
	batch(ctx context.Context, all []bound) (affected int64, err error)

	begin(ctx context.Context) error
	// commit ends the transaction, in any case.
	commit(ctx context.Context) error
	// rollback ends the transaction if there is one.
	rollback(ctx context.Context) error

	// release gives the connection back. stained says that it is certainly not
	// as it was.
	release(stained bool)
}

// rows are what a statement gave.
type rows interface {
	// head describes the columns as a page begins: {"columns": …, "types": …,
	// "rows": [. It is empty if there are none, and not to be changed.
	head(ctx context.Context) ([]byte, error)
	// next moves to the next row, the first one at first. After the last, err
	// says whether there was a fault.
	next() bool
	// append appends the row as a JSON array.
	append(out []byte) ([]byte, error)
	err() error
	// nextSet moves to the next result of the statement.
	nextSet() bool
	close() error
}

// changed is what a statement without rows did.
type changed struct{ affected, lastID *int64 }

// bound is a statement with its arguments.
type bound struct {
	*parsed
	args []any
}
