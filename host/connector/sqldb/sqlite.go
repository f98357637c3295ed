package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// openSQLite opens a file of the tenant's own. The connections cannot reach
// other files.
func openSQLite(c Config, env connector.Env) (*ownSessions, error) {
	if err := os.MkdirAll(env.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the tenant's folder: %w", err)
	}
	file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.Join(env.Dir, c.Database+".db")}
	made, err := sqlite.NewConnector(file.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("preparing database: %w", err)
	}
	return newOwnSessions(c.PoolSize, made, func(_ context.Context, conn *sql.Conn) (session, error) {
		l := &sqliteLane{ownLane: ownLane{libraryLane: libraryLane{engine: sqliteName, conn: conn}, start: "BEGIN IMMEDIATE"}}
		if err := l.confine(); err != nil {
			return nil, fmt.Errorf("confining the database: %w", err)
		}
		return l, nil
	}), nil
}

// sqliteLane is a connection to a file. SQLite has no way to reset one, but
// tells of all that a statement does when it compiles it, also of what views
// and triggers do: a connection that is not as it was is not used again.
type sqliteLane struct {
	ownLane
	changed bool // the session is not as it was
	counted bool // rows were changed, which last_insert_rowid and changes tell of
	denied  bool // a statement would have begun or ended a transaction
}

var _ session = (*sqliteLane)(nil)

// confine keeps statements in the one file, and watches over them.
func (l *sqliteLane) confine() error {
	// No database can be attached, nor written by VACUUM INTO.
	if _, err := sqlite.Limit(l.conn, sqlite3.SQLITE_LIMIT_ATTACHED, 0); err != nil {
		return err
	}
	return l.conn.Raw(func(c any) error {
		r, ok := c.(sqlite.AuthorizerRegisterer)
		if !ok {
			return errors.ErrUnsupported
		}
		return r.RegisterAuthorizer(l.judge)
	})
}

// judge notes what a statement does to the session, and refuses those that
// begin and end transactions, where [shape.check] did not see them.
func (l *sqliteLane) judge(action sqlite.AuthorizerActionCode, _, _, schema, _ string) sqlite.AuthorizerReturnCode {
	looks := action == sqlite.AuthRead || action == sqlite.AuthSelect || action == sqlite.AuthFunction || action == sqlite.AuthRecursive
	if l.hosting || looks {
		return sqlite.AuthorizerOK
	}
	if action == sqlite.AuthTransaction {
		l.denied = true
		return sqlite.AuthorizerDeny
	}
	l.counted = l.counted || action == sqlite.AuthInsert || action == sqlite.AuthUpdate || action == sqlite.AuthDelete
	l.changed = l.changed || action == sqlite.AuthPragma || action == sqlite.AuthAttach || action == sqlite.AuthDetach ||
		action == sqlite.AuthSavepoint && !l.inside // others end with the transaction
	l.changed = l.changed || schema == "temp"
	return sqlite.AuthorizerOK
}

func (l *sqliteLane) query(ctx context.Context, s *parsed, args []any) (rows, error) {
	l.denied = false
	out, err := l.ownLane.query(ctx, s, args)
	return out, l.explain(err)
}

func (l *sqliteLane) exec(ctx context.Context, s *parsed, args []any) (changed, error) {
	l.denied = false
	out, err := l.ownLane.exec(ctx, s, args)
	return out, l.explain(err)
}

func (l *sqliteLane) batch(ctx context.Context, all []bound) (int64, error) {
	l.denied = false
	n, err := l.ownLane.batch(ctx, all)
	return n, l.explain(err)
}

func (l *sqliteLane) explain(err error) error {
	if err != nil && l.denied {
		return host.FieldErrorf("statement", "BEGIN, COMMIT and ROLLBACK are no statements for a service%s", remedyTransaction)
	}
	return err
}

// uncount has last_insert_rowid and changes tell of nothing: they are of the
// last insertion and the last change, which are these.
const uncount = `CREATE TEMP TABLE IF NOT EXISTS "serai's count" (n INTEGER PRIMARY KEY);
	REPLACE INTO temp."serai's count" VALUES (0); DELETE FROM temp."serai's count" WHERE n > 0`

func (l *sqliteLane) reset(ctx context.Context) error {
	if err := l.rollback(ctx); err != nil {
		return err
	}
	if l.changed {
		return errChanged
	}
	if !l.counted {
		return nil
	}
	l.counted = false
	return l.host(ctx, uncount)
}

func (*sqliteLane) alive(context.Context, time.Duration) bool { return true }

func (l *sqliteLane) release(stained bool) { l.pool.release(l, stained) }
