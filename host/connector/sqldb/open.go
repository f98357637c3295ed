package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"github.com/seraihost/serai/host/connector"
)

// idleTime is how long a connection to the server is kept unused.
const idleTime = 5 * time.Minute

// maxMessage bounds what a server may send at a time, which is a row at most,
// so that one which is hostile does not take the host's memory.
const maxMessage = 64 << 20

func open(ctx context.Context, c Config, env connector.Env) (*Database, error) {
	d := &Database{engine: c.Engine, timeout: time.Duration(c.Timeout), open: make(map[string]*held)}
	var db *sql.DB
	var err error
	switch c.Engine {
	case postgresql:
		d.db, err = openPostgres(c, env)
	case mysqlName:
		db, err = openMySQL(c, env)
	case mssqlName:
		db, err = openMSSQL(c, env)
	case oracleName:
		db, err = openOracle(c, env)
	default:
		db, err = openSQLite(c, env)
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
// other files: see library.lend.
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
