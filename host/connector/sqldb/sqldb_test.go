package sqldb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/pool"
	"github.com/seraihost/serai/host/connector/sqldb"
)

// catalogue has one connection, "DB", and one secret, "key".
type catalogue struct{ config string }

func (c catalogue) Connection(_ context.Context, tenant, name string) (host.Connection, error) {
	if name != "DB" {
		return host.Connection{}, host.Errorf(abi.NotFound, "no connection %q", name)
	}
	return host.Connection{Tenant: tenant, Name: name, Type: sqldb.Type, Config: []byte(c.config), AllowNetworks: []string{"127.0.0.0/8"}}, nil
}

func (catalogue) Secret(context.Context, string, string) ([]byte, error) { return []byte("pw"), nil }

// database calls operations as a service does, in one call.
type database struct {
	t   *testing.T
	ops *connector.Registry
}

func newDatabase(t *testing.T, config string) *database {
	t.Helper()
	p := pool.New(catalogue{config}, t.TempDir(), slog.New(slog.DiscardHandler), sqldb.Connector())
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &database{t, connector.NewRegistry(p.Ops()...)}
}

func (d *database) do(ctx context.Context, tenant, op string, in any, fields ...string) (*connector.Result, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			d.t.Fatal(err)
		}
	}
	e := abi.Envelope{{Name: abi.FieldOp, Value: op}, {Name: abi.FieldConnection, Value: "DB"}}
	for i := 0; i < len(fields); i += 2 {
		e.Add(fields[i], fields[i+1])
	}
	return d.ops.Do(ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: tenant, Service: "s", CID: "c", Grants: host.Grants{Connections: []string{"DB"}}},
		Envelope: e, Body: body,
	})
}

type object = map[string]any

func (d *database) must(ctx context.Context, statement string, parameters any, fields ...string) *connector.Result {
	d.t.Helper()
	r, err := d.do(ctx, "a", "sql.execute", object{"statement": statement, "parameters": parameters}, fields...)
	if err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
	return r
}

func typed(kind string, value any) object { return object{"type": kind, "value": value} }

// engines are the databases that the tests run against.
func engines(t *testing.T, test func(t *testing.T, d *database, engine string)) {
	t.Helper()
	for engine, config := range map[string]func(t *testing.T) string{
		"sqlite": func(*testing.T) string { return `{"engine": "sqlite", "database": "test"}` },
		"postgresql": func(t *testing.T) string {
			t.Helper()
			return fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test"}`, connectortest.PostgreSQL(t))
		},
		"mysql": func(t *testing.T) string {
			t.Helper()
			return fmt.Sprintf(`{"engine": "mysql", "host": "127.0.0.1", "port": %d, "database": "mysql", "username": "root"}`, connectortest.MariaDB(t))
		},
	} {
		t.Run(engine, func(t *testing.T) { test(t, newDatabase(t, config(t)), engine) })
	}
}

func create(engine string) string {
	s := "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(50) UNIQUE, price DECIMAL(24,4), made TIMESTAMP NULL, day DATE, data BLOB, n BIGINT, f DOUBLE PRECISION)"
	switch engine {
	case "postgresql":
		s = strings.Replace(s, "BLOB", "BYTEA", 1)
	case "mysql":
		s = strings.Replace(s, "TIMESTAMP", "DATETIME(6)", 1)
	}
	return s
}

const insert = "INSERT INTO items (id, name, price, made, day, data, n, f) VALUES (:id, :name, :price, :made, :day, :data, :n, :f)"

func item(id int) object {
	return object{
		"id": id, "name": fmt.Sprintf("it's :no ü %d", id), "price": typed("decimal", "12345678901234567890.1234"),
		"made": typed("datetime", "2026-11-25T10:11:12.123456"), "day": typed("date", "2026-02-28"),
		"data": typed("bytes", "AAH/"), "n": json.Number("9007199254740993"), "f": 0.1,
	}
}

func rows(t *testing.T, r *connector.Result) (types []string, all [][]any) {
	t.Helper()
	var out struct {
		Types []string
		Rows  [][]any
	}
	dec := json.NewDecoder(strings.NewReader(string(r.Body)))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%s: %v", r.Body, err)
	}
	return out.Types, out.Rows
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	engines(t, func(t *testing.T, d *database, engine string) {
		ctx := t.Context()
		d.must(ctx, create(engine), nil)
		if r := d.must(ctx, insert, item(1)); r.Envelope.Get("affected") != "1" {
			t.Errorf("affected %v", r.Envelope)
		}
		d.must(ctx, "INSERT INTO items (id) VALUES (:id)", object{"id": 2})
		types, all := rows(t, d.must(ctx, "SELECT id, name, price, made, day, data, n, f FROM items ORDER BY id -- :no parameter", nil))
		want := `[1 it's :no ü 1 12345678901234567890.1234 2026-11-25T10:11:12.123456 2026-02-28 AAH/ 9007199254740993 0.1]`
		if engine == "sqlite" { // it has no decimals: what does not fit a float loses digits, as SQLite says
			want = strings.Replace(want, "12345678901234567890.1234", fmt.Sprint(all[0][2]), 1)
		}
		if got := fmt.Sprint(all[0]); got != want {
			t.Errorf("%s\nwant %s\ntypes %v", got, want, types)
		}
		if got := fmt.Sprint(all[1]); got != "[2 <nil> <nil> <nil> <nil> <nil> <nil> <nil>]" {
			t.Errorf("nulls %s", got)
		}
		if got := strings.Join(types, " "); got != "integer text decimal datetime date bytes integer float" {
			t.Errorf("types %s", got)
		}
		_, err := d.do(ctx, "a", "sql.execute", object{"statement": insert, "parameters": item(1)})
		if host.CodeOf(err) != abi.Conflict {
			t.Errorf("a duplicate key: %v", err)
		}
		_, err = d.do(ctx, "a", "sql.execute", object{"statement": "SELEKT 1"})
		if host.CodeOf(err) != abi.Remote || !strings.Contains(err.Error(), "SELEKT") {
			t.Errorf("a wrong statement: %v", err)
		}
	})
}

func TestTransactionsEndWithTheCall(t *testing.T) {
	engines(t, func(t *testing.T, d *database, engine string) {
		d.must(t.Context(), create(engine), nil)
		count := func() string {
			_, all := rows(t, d.must(t.Context(), "SELECT COUNT(*) FROM items", nil))
			return fmt.Sprint(all[0][0])
		}
		begin := func(ctx context.Context) string {
			r, err := d.do(ctx, "a", "sql.begin", nil)
			if err != nil {
				t.Fatal(err)
			}
			return r.Envelope.Get("transaction")
		}
		call, end := context.WithCancel(t.Context())
		tx := begin(call)
		d.must(call, insert, item(1), "transaction", tx)
		// Another service or tenant does not get into it.
		if _, err := d.do(call, "b", "sql.execute", object{"statement": "SELECT 1"}, "transaction", tx); host.CodeOf(err) != abi.Invalid {
			t.Errorf("somebody else's transaction: %v", err)
		}
		end()
		for range 100 {
			if count() == "0" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got := count(); got != "0" {
			t.Errorf("after the call %s rows", got)
		}
		if _, err := d.do(t.Context(), "a", "sql.commit", nil, "transaction", tx); host.CodeOf(err) != abi.Invalid {
			t.Errorf("a transaction that has ended: %v", err)
		}
		tx = begin(t.Context())
		d.must(t.Context(), insert, item(1), "transaction", tx)
		if _, err := d.do(t.Context(), "a", "sql.commit", nil, "transaction", tx); err != nil {
			t.Error(err)
		}
		if got := count(); got != "1" {
			t.Errorf("after the commit %s rows", got)
		}
		// A batch is all or nothing.
		if _, err := d.do(t.Context(), "a", "sql.batch", object{"statement": insert, "batch": []object{item(2), item(3), item(1)}}); host.CodeOf(err) != abi.Conflict {
			t.Errorf("a batch with a duplicate: %v", err)
		}
		r, err := d.do(t.Context(), "a", "sql.batch", object{"statement": insert, "batch": []object{item(2), item(3)}})
		if err != nil || r.Envelope.Get("affected") != "2" || count() != "3" {
			t.Errorf("a batch: %v, %s rows", err, count())
		}
	})
}

func TestRowsComeInPages(t *testing.T) {
	engines(t, func(t *testing.T, d *database, engine string) {
		ctx := t.Context()
		d.must(ctx, create(engine), nil)
		var batch []object
		for i := range 2500 {
			batch = append(batch, item(i))
		}
		if _, err := d.do(ctx, "a", "sql.batch", object{"statement": insert, "batch": batch}); err != nil {
			t.Fatal(err)
		}
		r := d.must(ctx, "SELECT * FROM items ORDER BY id", nil)
		total, pages := 0, 1
		for {
			_, all := rows(t, r)
			total += len(all)
			cursor := r.Envelope.Get("cursor")
			if cursor == "" {
				break
			}
			pages++
			var err error
			if r, err = d.do(ctx, "a", "sql.next", nil, "cursor", cursor); err != nil {
				t.Fatal(err)
			}
		}
		if total != 2500 || pages != 3 {
			t.Errorf("%d rows in %d pages", total, pages)
		}
	})
}

func TestSQLiteReachesItsFileOnly(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `{"engine": "sqlite", "database": "test"}`)
	for _, s := range []string{
		"ATTACH DATABASE '/tmp/other.db' AS other", "VACUUM INTO '/tmp/copy.db'", "SELECT load_extension('x')", "SELECT writefile('/tmp/x', 'y')", "SELECT readfile('/etc/passwd')",
	} {
		if _, err := d.do(t.Context(), "a", "sql.execute", object{"statement": s}); err == nil {
			t.Errorf("%s: done", s)
		}
	}
	// Tenants have files of their own.
	d.must(t.Context(), "CREATE TABLE mine (x)", nil)
	if _, err := d.do(t.Context(), "b", "sql.execute", object{"statement": "SELECT * FROM mine"}); err == nil {
		t.Error("another tenant's table was read")
	}
	endless := "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT COUNT(*) FROM c"
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := d.do(ctx, "a", "sql.execute", object{"statement": endless}); host.CodeOf(err) != abi.Timeout {
		t.Errorf("an endless statement: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestConfigurations(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"engine": "postgresql", "database": "d"}`:                                                                "config.host is missing",
		`{"engine": "db2", "database": "d"}`:                                                                       `config.engine "db2": use postgresql, mysql, sqlite`,
		`{"engine": "sqlite", "database": "../x"}`:                                                                 "use 1 to 128 letters",
		`{"engine": "sqlite", "database": "d", "host": "h"}`:                                                       "has a file and no server",
		`{"engine": "mysql", "host": "h", "database": "d", "password": "clear"}`:                                   "is in clear",
		`{"engine": "mysql", "host": "h", "database": "d", "tls": {"mode": "whatever"}}`:                           "use off, on, insecure",
		`{"engine": "mssql", "host": "h", "database": "d"}`:                                                        "config.username is missing",
		`{"engine": "oracle", "host": "h", "database": "d", "username": "u", "options": {"a": "b"}}`:               "config.options are not for oracle",
		`{"engine": "mysql", "host": "h", "database": "d", "pool": 3}`:                                             `no field "pool"`,
		`{"engine": "mysql", "host": "h:3306", "database": "d"}`:                                                   "config.port",
		`{"engine": "postgresql", "host": "h", "database": "d", "port": 70000}`:                                    "config.port is 70000: use 0 to 65535",
		`{"engine": "postgresql", "host": "h", "database": "d", "pool_size": 0}`:                                   "config.pool_size is 0: use 1 to 500",
		`{"engine": "postgresql", "host": "h", "database": "d", "tls": {"mode": "on", "ca_pem": "/no/such/file"}}`: "not the name of a file",
		`{"engine": "postgresql", "host": "h", "database": "d", "options": {"user": "other"}}`:                     "give it as config.username",
		`{"engine": "mysql", "host": "h", "database": "d", "options": {"a = 1, b": "2"}}`:                          "is no name of a setting",
	} {
		if err := sqldb.Connector().Validate([]byte(raw)); err == nil || !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}
