package sqldb

import (
	"regexp"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Type is the type of connections that this package serves.
const Type = "sql"

// Engines.
const (
	postgresql = "postgresql"
	mysqlName  = "mysql"
	sqliteName = "sqlite"
	mssqlName  = "mssql"
	oracleName = "oracle"
)

// Config is the configuration of a connection.
type Config struct {
	Engine   string            `json:"engine" required:"true" example:"postgresql" enum:"postgresql,mysql,sqlite,mssql,oracle" doc:"postgresql, mysql (also MariaDB), sqlite, or mssql and oracle, which are not tested against a server"`
	Host     string            `json:"host" example:"db.example.com" doc:"name or address of the server; not for sqlite"`
	Port     int               `json:"port" default:"0" min:"0" max:"65535" doc:"0 is the engine's own: 5432, 3306, 1433 or 1521"`
	Database string            `json:"database" required:"true" example:"billing" doc:"name of the database; for sqlite that of a file that the host keeps for the tenant, for oracle that of the service"`
	Username string            `json:"username" example:"serai" doc:"who logs in; not for sqlite"`
	Password string            `json:"password" secret:"true" example:"${secret:billing.password}" doc:"of the user"`
	TLS      connector.TLS     `json:"tls" doc:"encryption of the connection"`
	PoolSize int               `json:"pool_size" default:"10" min:"1" max:"500" doc:"most connections to the server at a time"`
	Timeout  host.Duration     `json:"timeout" default:"30s" min:"1ms" max:"1h" doc:"of one statement; the service's own deadline counts too"`
	Prepare  bool              `json:"prepare" default:"true" doc:"keep statements prepared in a PostgreSQL server; false for poolers in between that share its connections, such as PgBouncer"`
	Options  map[string]string `json:"options" doc:"settings of the session, such as search_path or sql_mode; for postgresql and mysql"`
}

func (c Config) check() error {
	if c.Engine == sqliteName {
		switch {
		case c.Host != "" || c.Port != 0 || c.Username != "" || c.Password != "" || c.TLS.Mode != "off":
			return host.FieldErrorf("engine", "config.engine sqlite has a file and no server: leave out host, port, username, password and tls")
		case len(c.Options) > 0:
			return host.FieldErrorf("options", "config.options are not for sqlite")
		}
		if err := host.CheckName("config.database", c.Database); err != nil {
			return host.FieldErrorf("database", "%s", host.MessageOf(err))
		}
		return nil
	}
	if c.Host == "" {
		return host.FieldErrorf("host", "config.host is missing: name the server")
	}
	if err := connector.CheckHost("host", c.Host); err != nil {
		return err
	}
	if err := c.TLS.Check(); err != nil {
		return err
	}
	if c.Engine == mssqlName || c.Engine == oracleName {
		switch {
		case c.Username == "":
			return host.FieldErrorf("username", "config.username is missing: %s is logged into by name", c.Engine)
		case len(c.Options) > 0:
			return host.FieldErrorf("options", "config.options are not for %s: execute what sets them", c.Engine)
		}
	}
	return c.checkOptions()
}

var optionName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,127}$`)

// notOptions are what a PostgreSQL session is begun with, too, and says
// otherwise.
var notOptions = map[string]string{
	"user": "give it as config.username", "database": "give it as config.database",
	"replication": "services read no replication", "client_encoding": "it is UTF8",
}

func (c Config) checkOptions() error {
	for name := range c.Options {
		if !optionName.MatchString(name) {
			return host.FieldErrorf("options", "config.options has %q, which is no name of a setting, such as search_path", host.Clip(name))
		}
		if remedy, is := notOptions[strings.ToLower(name)]; is && c.Engine == postgresql {
			return host.FieldErrorf("options", "config.options has %q: leave it out, %s", name, remedy)
		}
	}
	return nil
}

// port returns the port, or the engine's own.
func (c Config) port() int {
	switch {
	case c.Port != 0:
		return c.Port
	case c.Engine == postgresql:
		return 5432
	case c.Engine == mssqlName:
		return 1433
	case c.Engine == oracleName:
		return 1521
	}
	return 3306
}
