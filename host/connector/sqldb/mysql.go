package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/seraihost/serai/host/connector"
)

// mysqlNames is the character set of sessions.
const mysqlNames = "utf8mb4"

// mysqlCollation is their collation.
const mysqlCollation = "utf8mb4_general_ci"

func openMySQL(c Config, env connector.Env) (*ownSessions, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.port()))
	config.DBName, config.User, config.Passwd = c.Database, c.Username, c.Password
	config.DialFunc, config.Params = env.Dial, c.Options
	config.ParseTime, config.Loc, config.Collation = true, time.UTC, mysqlCollation
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
	settings := mysqlSettings(c.Options)
	return newOwnSessions(c.PoolSize, made, func(ctx context.Context, conn *sql.Conn) (session, error) {
		l := &mysqlLane{ownLane: ownLane{libraryLane: libraryLane{engine: mysqlName, conn: conn}, start: "START TRANSACTION"}, settings: settings}
		return l, l.note(ctx)
	}), nil
}

// quiet is a logger of a driver whose errors are returned anyway.
type quiet struct{}

func (quiet) Print(...any) {}

// mysqlSettings is the statement by which a session gets the settings that a
// connection begins with, as the driver sets them.
func mysqlSettings(options map[string]string) string {
	var text strings.Builder
	text.WriteString("SET NAMES " + mysqlNames + " COLLATE " + mysqlCollation)
	for name, value := range options {
		text.WriteString(", " + name + " = " + value)
	}
	return text.String()
}

// mysqlLane is a connection to MySQL or MariaDB. Its session is reset by a
// command of the protocol, COM_RESET_CONNECTION: it rolls back, and drops
// locks, temporary tables, variables, settings and prepared statements.
type mysqlLane struct {
	ownLane
	settings string   // the statement for them
	look     string   // asks for what the command leaves
	first    []string // what the answer was at first
}

var _ session = (*mysqlLane)(nil)

// mysqlLooks ask for what COM_RESET_CONNECTION leaves of a session. The first
// one that the server knows is used: roles are not there in MySQL 5, profiles
// of statements not in new ones.
var mysqlLooks = []string{
	"SELECT DATABASE(), CURRENT_ROLE(), (SELECT COUNT(*) FROM information_schema.PROFILING)",
	"SELECT DATABASE(), CURRENT_ROLE(), 0",
	"SELECT DATABASE(), '', (SELECT COUNT(*) FROM information_schema.PROFILING)",
}

// note remembers the session as it is at first.
func (l *mysqlLane) note(ctx context.Context) (err error) {
	for _, l.look = range mysqlLooks {
		l.first, err = l.see(ctx)
		if _, refused := errors.AsType[*mysql.MySQLError](err); !refused {
			return err
		}
	}
	return err
}

func (l *mysqlLane) see(ctx context.Context) ([]string, error) {
	var seen [3]sql.NullString
	err := l.conn.QueryRowContext(ctx, l.look).Scan(&seen[0], &seen[1], &seen[2])
	return []string{seen[0].String, seen[1].String, seen[2].String}, err
}

var (
	errUnreset = errors.New("the session cannot be reset")
	errChanged = errors.New("the session is not as it was")
)

func (l *mysqlLane) reset(ctx context.Context) error {
	l.inside = false
	if err := l.conn.Raw(func(c any) error { return resetMySQL(ctx, c) }); err != nil {
		return err
	}
	if err := l.host(ctx, l.settings); err != nil {
		return err
	}
	now, err := l.see(ctx)
	if err == nil && !slices.Equal(now, l.first) {
		return errChanged
	}
	return err
}

// resetMySQL sends COM_RESET_CONNECTION over a connection that does nothing
// else. The driver does not know the command, and has no way to its socket but
// the field in which it keeps it: see RATIONALE.md.
func resetMySQL(ctx context.Context, c any) error {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return errUnreset
	}
	field := v.Elem().FieldByName("netConn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[net.Conn]() {
		return errUnreset
	}
	socket, ok := reflect.TypeAssert[net.Conn](reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem())
	if !ok {
		return errUnreset
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	err := commandMySQL(socket, 0x1f)
	if !stop() {
		return ctx.Err()
	}
	return err
}

// maxOK bounds the packet by which a server says that a command is done.
const maxOK = 1 << 10

// commandMySQL sends a command that has no arguments and is answered with OK.
func commandMySQL(socket io.ReadWriter, command byte) error {
	if _, err := socket.Write([]byte{1, 0, 0, 0, command}); err != nil {
		return err
	}
	var head [4]byte // the length, and the number of the packet
	if _, err := io.ReadFull(socket, head[:]); err != nil {
		return err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n == 0 || n > maxOK || head[3] != 1 {
		return errUnreset
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(socket, answer); err != nil {
		return err
	}
	if answer[0] != 0 {
		return errUnreset
	}
	return nil
}

func (l *mysqlLane) alive(ctx context.Context, _ time.Duration) bool {
	return l.conn.Raw(func(c any) error {
		r, ok := c.(driver.SessionResetter)
		if !ok {
			return nil
		}
		return r.ResetSession(ctx) // it looks at the socket, and no more
	}) == nil
}

func (l *mysqlLane) release(stained bool) { l.pool.release(l, stained) }
