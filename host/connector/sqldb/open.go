package sqldb

import (
	"context"
	"database/sql"
	"time"

	"github.com/seraihost/serai/host/connector"
)

// idleTime is how long a connection to the server is kept unused.
const idleTime = 5 * time.Minute

// maxMessage bounds what a server may send at a time, which is a row at most,
// so that one which is hostile does not take the host's memory.
const maxMessage = 64 << 20

func open(ctx context.Context, c Config, env connector.Env) (*Database, error) {
	d := &Database{engine: c.Engine, timeout: time.Duration(c.Timeout)}
	var db *sql.DB
	var err error
	switch c.Engine {
	case postgresql:
		d.db, err = openPostgres(c, env)
	case mysqlName:
		d.db, err = openMySQL(c, env)
	case mssqlName:
		db, err = openMSSQL(c, env)
	case oracleName:
		db, err = openOracle(c, env)
	default:
		d.db, err = openSQLite(c, env)
	}
	if err != nil {
		return nil, err
	}
	if db != nil {
		d.db = newLibrary(db, c)
	}
	if err := d.Ping(ctx); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}
