package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/seraihost/serai/host/connector"
)

// idleTime is how long a connection to the server is kept unused.
const idleTime = 5 * time.Minute

// maxMessage bounds what a server may send at a time, which is a row at most,
// so that one which is hostile does not take the host's memory.
const maxMessage = 64 << 20

func open(ctx context.Context, c Config, env connector.Env) (*Database, error) {
	var db *sql.DB
	var err error
	d := &Database{engine: c.Engine, timeout: time.Duration(c.Timeout), open: make(map[string]*held), kinds: make(map[string]string)}
	switch c.Engine {
	case postgresql:
		var config *pgx.ConnConfig
		if config, err = postgresConfig(c, env); err == nil {
			db, d.custom = stdlib.OpenDB(*config), customOf(config)
		}
	case mysqlName:
		db, err = openMySQL(c, env)
	default:
		db, err = openSQLite(c, env)
	}
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(c.PoolSize)
	db.SetMaxIdleConns(c.PoolSize)
	db.SetConnMaxIdleTime(idleTime)
	d.db = db
	if err := d.Ping(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return d, nil
}

func postgresConfig(c Config, env connector.Env) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig("host=placeholder sslmode=disable") // what the environment says is replaced
	if err != nil {
		return nil, fmt.Errorf("preparing connection: %w", err)
	}
	config.Host, config.Port = c.Host, uint16(c.port()) //nolint:gosec // checked
	config.Database, config.User, config.Password = c.Database, c.Username, c.Password
	config.Fallbacks, config.RuntimeParams = nil, map[string]string{"application_name": "serai"}
	maps.Copy(config.RuntimeParams, c.Options)
	if config.TLSConfig, err = c.TLS.Config(c.Host); err != nil {
		return nil, err
	}
	config.DialFunc = env.Dial
	// The name is resolved where it is dialled, so that the address is judged.
	config.LookupFunc = func(_ context.Context, name string) ([]string, error) { return []string{name}, nil }
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(r, w)
		f.SetMaxBodyLen(maxMessage)
		return f
	}
	if config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe; c.Prepare {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	}
	return config, nil
}

func openMySQL(c Config, env connector.Env) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.port()))
	config.DBName, config.User, config.Passwd = c.Database, c.Username, c.Password
	config.DialFunc, config.Params = env.Dial, c.Options
	config.ParseTime, config.Loc, config.Collation = true, time.UTC, "utf8mb4_general_ci"
	config.AllowAllFiles, config.MultiStatements, config.ClientFoundRows = false, false, true
	config.Logger = quiet{}
	var err error
	if config.TLS, err = c.TLS.Config(c.Host); err != nil {
		return nil, err
	}
	made, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("preparing connection: %w", err)
	}
	return sql.OpenDB(made), nil
}

// quiet is a logger of a driver whose errors are returned anyway.
type quiet struct{}

func (quiet) Print(...any) {}

// openSQLite opens a file of the tenant's own. The connection cannot reach
// other files: see Database.conn.
func openSQLite(c Config, env connector.Env) (*sql.DB, error) {
	if err := os.MkdirAll(env.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the tenant's folder: %w", err)
	}
	file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.Join(env.Dir, c.Database+".db")}
	made, err := sqlite.NewConnector(file.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("preparing database: %w", err)
	}
	return sql.OpenDB(made), nil
}
