package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Database is an open connection: a pool of connections to one database.
type Database struct {
	db      *sql.DB
	engine  string
	timeout time.Duration

	mu   sync.Mutex
	open map[string]*held // transactions and cursors by their ids

	// custom, of PostgreSQL, tells whether a type that no driver knows is an array.
	custom func(ctx context.Context, oid string) (isArray bool, err error)
	kinds  map[string]string // of such types
}

var _ connector.Conn = (*Database)(nil)

// maxHeld bounds the transactions and cursors of a connection.
const maxHeld = 1000

// held is what a call holds between its operations. It ends with the call.
type held struct {
	tenant, service, cid string
	tx                   *sql.Tx
	rows                 *page
	busy                 sync.Mutex
	stained              bool // the connection is not for others any more; guarded by busy
	end                  func()
}

// Ping asks the database for a sign of life.
func (d *Database) Ping(ctx context.Context) error { return d.fault(d.db.PingContext(ctx)) }

// Close closes all connections to the database.
func (d *Database) Close() error {
	if err := d.db.Close(); err != nil {
		return fmt.Errorf("closing database: %w", err)
	}
	return nil
}

// runner runs statements: a connection or a transaction.
type runner interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// conn returns a connection of its own to the database.
func (d *Database) conn(ctx context.Context) (*sql.Conn, error) {
	c, err := d.db.Conn(ctx)
	// The library gives up after some that broke while they were idle, which
	// calls that end with open transactions leave many of. There are at most so many.
	for n := d.db.Stats().MaxOpenConnections; errors.Is(err, driver.ErrBadConn) && n > 0; n-- {
		c, err = d.db.Conn(ctx)
	}
	if err != nil || d.engine != sqliteName {
		return c, err
	}
	// No database can be attached, nor written by VACUUM INTO, so that a
	// statement reaches the one file only.
	if _, err := sqlite.Limit(c, sqlite3.SQLITE_LIMIT_ATTACHED, 0); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("confining the database: %w", err)
	}
	return c, nil
}

// keep holds h until the call ends, which ctx tells, and returns its id.
func (d *Database) keep(ctx context.Context, r *connector.Request, h *held) (string, error) {
	h.tenant, h.service, h.cid = r.Scope.Tenant, r.Scope.Service, r.Scope.CID
	id := rand.Text()
	d.mu.Lock()
	full := len(d.open) >= maxHeld
	if !full {
		d.open[id] = h
	}
	d.mu.Unlock()
	if full {
		h.end()
		return "", host.Errorf(abi.Limit, "the connection has %d transactions and cursors open; end them sooner", maxHeld)
	}
	context.AfterFunc(ctx, func() {
		if d.drop(id) != nil {
			h.end()
		}
	})
	return id, nil
}

// find returns the transaction or cursor, which kind says, that the call holds
// under an id.
func (d *Database) find(r *connector.Request, kind, id string) (*held, error) {
	d.mu.Lock()
	h := d.open[id]
	d.mu.Unlock()
	switch {
	case h == nil || h.tenant != r.Scope.Tenant || h.service != r.Scope.Service || h.cid != r.Scope.CID:
		return nil, host.FieldErrorf(kind, "the %s has ended", kind)
	case kind == "transaction" && h.tx == nil:
		return nil, host.FieldErrorf(kind, "the id is that of a cursor")
	case kind == "cursor" && h.rows == nil:
		return nil, host.FieldErrorf(kind, "the id is that of a transaction")
	}
	return h, nil
}

// drop forgets an id and returns what it stood for.
func (d *Database) drop(id string) *held {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.open[id]
	delete(d.open, id)
	return h
}
