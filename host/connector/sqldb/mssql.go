package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/seraihost/serai/host/connector"
)

// mssqlPatience is how long SQL Server has to confirm that it gave a statement
// up, which the driver asks it for.
const mssqlPatience = 500 * time.Millisecond

func openMSSQL(c Config, env connector.Env) (*sql.DB, error) {
	if _, err := c.TLS.Config(c.Host); err != nil {
		return nil, err
	}
	return sql.OpenDB(&guarded{
		dial: env.Dial, patience: mssqlPatience,
		connect: func(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error)) (driver.Conn, error) {
			config := msdsn.Config{
				Host: c.Host, Port: uint64(c.port()), Database: c.Database, User: c.Username, Password: c.Password, //nolint:gosec // checked
				Protocols: []string{"tcp"}, DialTimeout: -1, AppName: "serai", Workstation: "serai", ServerSPN: "serai",
				Encryption: msdsn.EncryptionDisabled, NoTraceID: true,
				Encoding: msdsn.EncodeParameters{GuidConversion: true, Timezone: time.UTC},
			}
			secure, err := c.TLS.Config(c.Host) // one for each connection: the driver writes into it
			if err != nil {
				return nil, err
			}
			if secure != nil {
				config.Encryption, config.TLSConfig = msdsn.EncryptionRequired, secure
			}
			made := mssql.NewConnectorConfig(config)
			made.Dialer = mssqlDialer(dial)
			return made.Connect(ctx)
		},
	}), nil
}

// mssqlDialer resolves names where they are dialled, so that the address is judged.
type mssqlDialer func(ctx context.Context, network, address string) (net.Conn, error)

var _ mssql.HostDialer = mssqlDialer(nil)

// DialContext implements mssql.Dialer.
func (d mssqlDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

// HostName implements mssql.HostDialer.
func (mssqlDialer) HostName() string { return "" }

// mssqlFault returns an error of SQL Server, nil if it is none.
func mssqlFault(err error) error {
	if garbled, ok := errors.AsType[mssql.StreamError](err); ok {
		return fmt.Errorf("%w: %w", connector.ErrNotConnected, garbled)
	}
	e, ok := errors.AsType[mssql.Error](err)
	if !ok {
		return nil
	}
	text := fmt.Sprintf("%d: %s", e.Number, e.Message)
	switch e.Number {
	case 2601, 2627, 1205, 1222, 3960: // duplicate key, deadlock, lock timeout, snapshot conflict
		return conflict(text, err)
	case 6005, 17142, 10928, 10929, 40197, 40501, 40613, 49918: // shutdown, paused; limits and failures of Azure
		return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	case 18456: // the server's own text names the user
		return errors.New("18456: login failed")
	}
	return errors.New(text)
}
