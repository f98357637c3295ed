package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// fault returns an error of the database for the pool: lost connections as
// such, a violated unique key or a conflict between transactions as Conflict,
// others with the database's own text.
func (d *Database) fault(err error) error {
	if err == nil {
		return nil
	}
	if _, coded := errors.AsType[*host.Error](err); coded || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, egress.ErrDenied) {
		return err
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresFault(pg, err)
	}
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch my.Number {
		case 1062, 1213, 1205: // duplicate key, deadlock, lock wait timeout
			return conflict(fmt.Sprintf("%d: %s", my.Number, my.Message), err)
		case 1053, 1040: // shutdown; too many connections
			return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
		case 1045: // the server's own text names the user and where the host is
			return errors.New("1045: access denied")
		}
		return fmt.Errorf("%d: %s", my.Number, my.Message)
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		text := strings.TrimSpace(lite.Error())
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_BUSY:
			return conflict(text, err)
		}
		return errors.New(text)
	}
	for _, known := range []func(error) error{mssqlFault, oracleFault} {
		if out := known(err); out != nil {
			return out
		}
	}
	if lost(err) {
		return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	}
	return err
}

func postgresFault(pg *pgconn.PgError, err error) error {
	text := pg.Code + ": " + pg.Message
	if pg.Detail != "" {
		text += "; " + pg.Detail
	}
	switch {
	case pg.Code == "23505" || pg.Code == "40001" || pg.Code == "40P01": // unique key, serialisation, deadlock
		return conflict(text, err)
	case strings.HasPrefix(pg.Code, "57P0") || strings.HasPrefix(pg.Code, "08") || pg.Code == "53300": // shutdown, connection, too many
		return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	case pg.Code == "57014": // cancelled
		return errors.Join(context.DeadlineExceeded, err)
	}
	return errors.New(text)
}

func conflict(text string, err error) error {
	return &host.Error{Code: abi.Conflict, Message: "the database refuses: " + text, Err: err}
}

func lost(err error) bool {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, pgconn.ErrConnClosed) {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, ok := errors.AsType[net.Error](err)
	return ok
}
