package sqldb

import (
	"context"
	"fmt"
	"io"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/seraihost/serai/host/connector"
)

// postgres is how connections to PostgreSQL are made. They are not those of
// database/sql, which costs several times the work of the statement itself.
type postgres struct {
	config *pgx.ConnConfig
	custom customTypes
}

func openPostgres(c Config, env connector.Env) (*sessions, error) {
	config, err := postgresConfig(c, env)
	if err != nil {
		return nil, err
	}
	p := &postgres{config: config}
	p.custom.config = config
	return newSessions(c.PoolSize, p.open), nil
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

func (p *postgres) open(ctx context.Context) (session, error) {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return nil, err
	}
	return &postgresLane{db: p, conn: conn}, nil
}
