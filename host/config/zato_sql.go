package config

import (
	"strconv"
	"strings"

	"github.com/seraihost/serai/host"
)

// sqlEngines are the engines of SQL connections by what their names begin
// with: Zato 3.2 has dialects of SQLAlchemy, 4.1 plain names.
var sqlEngines = []struct{ zato, engine string }{
	{"postgres", "postgresql"},
	{"mysql", "mysql"},
	{"mariadb", "mysql"},
	{"mssql", "mssql"},
	{"zato+mssql", "mssql"},
	{"oracle", "oracle"},
}

// sqlConnection maps an outgoing SQL connection.
func (z *importer) sqlConnection(o object) {
	given := o.get("engine", "type")
	if strings.HasPrefix(given, "sqlite") {
		z.note(o, "left out: services do not reach files of Zato's; make a connection with engine sqlite, and fill its database from a service")
		return
	}
	settings, ok := z.server(o)
	if !ok {
		return
	}
	for _, e := range sqlEngines {
		if strings.HasPrefix(strings.ToLower(given), e.zato) {
			settings["engine"] = e.engine
		}
	}
	database, options, _ := strings.Cut(o.get("db_name"), "?")
	switch {
	case settings["engine"] == nil:
		z.note(o, "left out, since the engine %q is not supported", host.Clip(given))
		return
	case database == "":
		z.note(o, "left out, since it has no db_name")
		return
	}
	settings["database"] = database
	if name := o.get("username"); name != "" {
		settings["username"] = name
	}
	z.number(o, settings, "pool_size", "pool_size", 1, 500)
	if seconds, err := strconv.Atoi(o.get("timeout")); err == nil && seconds > 0 {
		settings["timeout"] = strconv.Itoa(seconds) + "s"
	}
	if options != "" && !strings.HasPrefix(options, "charset=") { // which is UTF-8 everywhere
		z.note(o, "the options %q of db_name are left out: see options of the connection", host.Clip(options))
	}
	if extra := o.get("extra"); extra != "" {
		z.note(o, "extra is left out: see options of the connection")
	}
	z.add(o, "sql", settings)
}

// redisConnection maps an outgoing connection to Redis.
func (z *importer) redisConnection(o object) {
	if o.is("use_redis_sentinels", false) {
		addresses := strings.FieldsFunc(o.get("redis_sentinels"), func(r rune) bool { return r == ',' || r == '\n' || r == ' ' })
		if len(addresses) == 0 {
			addresses = o.list("redis_sentinels")
		}
		if len(addresses) == 0 || o.get("redis_sentinels_master") == "" {
			z.note(o, "left out, since it names no sentinels or no master")
			return
		}
		if z.active(o) {
			z.add(o, "redis", map[string]any{"mode": "sentinel", "addresses": addresses, "master": o.get("redis_sentinels_master")})
		}
		return
	}
	settings, ok := z.server(o)
	if !ok {
		return
	}
	z.number(o, settings, "db", "database", 0, 65535)
	z.add(o, "redis", settings)
}
