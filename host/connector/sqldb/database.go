package sqldb

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Database is an open connection: a pool of connections to one database.
type Database struct {
	db      engine
	engine  string // its name
	timeout time.Duration
	texts   texts
	kept    connector.Kept[*held] // transactions and cursors
}

var _ connector.Conn = (*Database)(nil)

// held is what a call holds between its operations. It ends with the call.
// Who uses it has it locked.
type held struct {
	busy sync.Mutex

	lane    lane // of a transaction
	stained bool // it is not as it was

	rows *page // of a cursor
	late *alarm
	done func() // gives what the rows come from back
}

// end ends it. It is locked.
func (h *held) end() {
	if h.rows != nil {
		_ = h.rows.close()
		h.late.end()
		h.done()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	_ = h.lane.rollback(ctx) // who gets the connection does it again
	h.lane.release(h.stained)
}

// endTime bounds how long it takes to roll back what a call has left open.
const endTime = 5 * time.Second

// Ping asks the database for a sign of life.
func (d *Database) Ping(ctx context.Context) error { return d.fault(d.db.ping(ctx)) }

// Close closes all connections to the database.
func (d *Database) Close() error {
	if err := d.db.close(); err != nil {
		return fmt.Errorf("closing database: %w", err)
	}
	return nil
}

// callerOf returns the call that a request is part of.
func callerOf(r *connector.Request) caller { return caller(r.Scope.Call) }

// keep holds h until the call ends, which ctx tells, and returns its id. After
// an error it is still the caller's.
func (d *Database) keep(ctx context.Context, r *connector.Request, h *held) (string, error) {
	return d.kept.Keep(ctx, r, h, func() {
		h.busy.Lock() // what uses it sees that the call has ended
		defer h.busy.Unlock()
		h.end()
	})
}

// find returns the transaction or cursor, which kind says, that the call holds
// under an id.
func (d *Database) find(r *connector.Request, kind, id string) (*held, error) {
	h, ok := d.kept.Find(r, id)
	switch {
	case !ok:
		return nil, host.FieldErrorf(kind, "the %s has ended", kind)
	case kind == "transaction" && h.lane == nil:
		return nil, host.FieldErrorf(kind, "the id is that of a cursor")
	case kind == "cursor" && h.rows == nil:
		return nil, host.FieldErrorf(kind, "the id is that of a transaction")
	}
	return h, nil
}
