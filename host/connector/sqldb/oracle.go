package sqldb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	oracle "github.com/sijms/go-ora/v2"
	"github.com/sijms/go-ora/v2/network"

	"github.com/seraihost/serai/host/connector"
)

// openOracle connects to a service of Oracle Database. The driver does not take
// contexts well, so that it sees none: whoever goes away breaks the socket.
func openOracle(c Config, env connector.Env) (*sql.DB, error) {
	if _, err := c.TLS.Config(c.Host); err != nil {
		return nil, err
	}
	url := oracle.BuildUrl(c.Host, c.port(), c.Database, c.Username, c.Password, nil)
	g := &guarded{
		dial: env.Dial,
		connect: func(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error)) (driver.Conn, error) {
			config, err := oracle.ParseConfig(url)
			if err != nil {
				return nil, errors.New("the address is not understood") // the error may quote the password
			}
			config.RegisterDial(dial)
			config.ProgramPath, config.ProgramName, config.DriverName = "serai", "serai", "serai"
			config.OSUserName, config.HostName, config.DomainName = "serai", "serai", ""
			secure, err := oracleTLS(c)
			if err != nil {
				return nil, err
			}
			if secure != nil {
				config.SSL, config.Protocol, config.TLSConfig = true, "tcps", secure
			}
			conn, err := oracle.NewConnection("", config)
			if err != nil {
				return nil, fmt.Errorf("preparing connection: %w", err)
			}
			return conn, conn.OpenWithContext(ctx)
		},
	}
	// With TLS the bytes are encrypted here. The driver begins TLS itself, and anew
	// on the same socket where the server wants that in the middle of a login, so
	// that no dialler of ours can do it for the driver and look at what is inside.
	if c.TLS.Mode == "off" {
		g.watch = func() func(b []byte) bool { return new(tns).pass }
	}
	return sql.OpenDB(g), nil
}

// oracleTLS returns the settings for a connection. The driver sets the
// server's name to where it was sent, so the name is checked apart from that.
func oracleTLS(c Config) (*tls.Config, error) {
	secure, err := c.TLS.Config(c.Host)
	if err != nil || secure == nil || secure.InsecureSkipVerify {
		return secure, err
	}
	name := secure.ServerName
	secure.InsecureSkipVerify = true // VerifyConnection does it
	secure.VerifyConnection = func(s tls.ConnectionState) error {
		others := x509.NewCertPool()
		for _, cert := range s.PeerCertificates[1:] {
			others.AddCert(cert)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: secure.RootCAs, Intermediates: others})
		return err
	}
	return secure, nil
}

// oracleFault returns an error of Oracle Database, nil if it is none.
func oracleFault(err error) error {
	e, ok := errors.AsType[*network.OracleError](err)
	if !ok {
		return nil
	}
	_ = e.Error() // which fills in the text of errors that came without one
	text := strings.TrimSpace(e.ErrMsg)
	switch e.ErrCode {
	case 1, 54, 60, 8177: // duplicate key, busy, deadlock, serialisation
		return conflict(text, err)
	case 28, 1012, 1033, 1034, 1089, 1090, 1092, 3113, 3114, 3135, 12514, 12516, 12519, 12520, 12528: // gone, or not there yet
		return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
	case 1013: // cancelled
		return errors.Join(context.DeadlineExceeded, err)
	case 1017:
		return errors.New("ORA-01017: access denied")
	}
	return errors.New(text)
}

// oracleQuoted returns the length of q'[text]', whose text has quotes of its own.
func oracleQuoted(s string) int {
	end := map[byte]string{'[': "]'", '(': ")'", '{': "}'", '<': ">'"}[s[2]]
	if end == "" {
		end = string(s[2]) + "'"
	}
	if i := strings.Index(s[3:], end); i >= 0 {
		return 3 + i + len(end)
	}
	return len(s)
}

// truth returns a boolean as the engine takes it: Oracle has numbers for them.
func (d *Database) truth(v bool) any {
	if d.engine != oracleName {
		return v
	}
	if v {
		return int64(1)
	}
	return int64(0)
}
