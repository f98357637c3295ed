package sqldb_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// call is one call of a service.
type call struct {
	t   *testing.T
	ops *connector.Registry
	num uint64
	ctx context.Context //nolint:containedctx // of the call
	end context.CancelFunc
}

// calls is how many there were.
var calls atomic.Uint64

func (d *database) call(t *testing.T) *call {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(end)
	return &call{t, d.ops, calls.Add(1), ctx, end}
}

func (c *call) do(op, body string, fields ...string) (*connector.Result, error) {
	e := abi.Envelope{{Name: abi.FieldOp, Value: op}, {Name: abi.FieldConnection, Value: "DB"}}
	for i := 0; i < len(fields); i += 2 {
		e.Add(fields[i], fields[i+1])
	}
	return c.ops.Do(c.ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: "a", Service: "s", CID: "chosen by a client", Call: c.num, Grants: host.Grants{Connections: []string{"DB"}}},
		Envelope: e, Body: []byte(body),
	})
}

// execute returns the rows of a statement as JSON.
func (c *call) execute(statement string, fields ...string) string {
	c.t.Helper()
	r, err := c.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, statement), fields...)
	if err != nil {
		c.t.Fatalf("%s: %v", statement, err)
	}
	_, rows, _ := strings.Cut(string(r.Body), `"rows":`)
	return strings.TrimSuffix(rows, "}")
}

func (c *call) begin() string {
	c.t.Helper()
	r, err := c.do("sql.begin", "")
	if err != nil {
		c.t.Fatal(err)
	}
	return r.Envelope.Get("transaction")
}

// oneConnection is a database with one connection, so that all calls share it.
func oneConnection(t *testing.T) *database {
	t.Helper()
	return newDatabase(t, fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test", "pool_size": 1}`,
		connectortest.PostgreSQL(t)))
}

func TestCallsLeaveNothingInTheSession(t *testing.T) {
	t.Parallel()
	db := oneConnection(t)
	setup := db.call(t)
	for _, s := range []string{
		"CREATE ROLE other",
		"CREATE FUNCTION sets() RETURNS text LANGUAGE sql AS $$ SELECT set_config('statement_timeout', '1234', false) $$",
		"CREATE VIEW quiet AS SELECT sets() AS one",
		"CREATE TABLE marked (n int)",
		"CREATE FUNCTION marks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('serai.mark', 'left', false); RETURN NEW; END $$",
		"CREATE TRIGGER marks BEFORE INSERT ON marked FOR EACH ROW EXECUTE FUNCTION marks()",
	} {
		setup.execute(s)
	}
	const prepared = "SELECT count(*) FROM pg_prepared_statements WHERE from_sql"
	for _, c := range []struct{ name, leave, look, want string }{
		{"set_config", "SELECT set_config('statement_timeout', '1234', false)", "SHOW statement_timeout", `[["0"]]`},
		{"a view", "SELECT * FROM quiet", "SHOW statement_timeout", `[["0"]]`},
		{"a trigger", "INSERT INTO marked VALUES (1)", "SELECT coalesce(current_setting('serai.mark', true), '')", `[[""]]`},
		{"SET", "SET search_path = pg_catalog", "SHOW search_path", `[["\"$user\", public"]]`},
		{"SET ROLE", "SET ROLE other", "SELECT current_user", `[["test"]]`},
		{"a hidden SET", "CREATE TABLE empty (); SET work_mem = '1MB'", "SHOW work_mem", `[["4MB"]]`},
		{"an advisory lock", "SELECT pg_advisory_lock(7)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", `[[0]]`},
		{"a temporary table", "CREATE TEMP TABLE mine (x int)", "SELECT to_regclass('mine') IS NULL", `[[true]]`},
		{"a temporary table of SELECT INTO", "SELECT 1 AS x INTO TEMP mine", "SELECT to_regclass('mine') IS NULL", `[[true]]`},
		{"LISTEN", "LISTEN news", "SELECT count(*) FROM pg_listening_channels()", `[[0]]`},
		{"PREPARE", "PREPARE mine AS SELECT 1", prepared, `[[0]]`},
		{"a hidden PREPARE", "DO $$ BEGIN EXECUTE 'PREPARE mine AS SELECT 1'; END $$", prepared, `[[0]]`},
		{"a cursor", "DECLARE mine CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) FROM pg_cursors WHERE name = 'mine'", `[[0]]`},
	} {
		for _, ended := range []bool{false, true} {
			leaving := db.call(t)
			before := leaving.execute("SELECT pg_backend_pid()")
			leaving.execute(c.leave)
			if ended {
				leaving.end()
			}
			next := db.call(t)
			if got := next.execute(c.look); got != c.want {
				t.Errorf("%s, call ended %t: %s gives %s, want %s", c.name, ended, c.look, got, c.want)
			}
			if after := next.execute("SELECT pg_backend_pid()"); after != before {
				t.Errorf("%s, call ended %t: the connection was made anew", c.name, ended)
			}
			next.execute("DROP TABLE IF EXISTS empty")
		}
	}
}

func TestStatementsStayPreparedForOtherCalls(t *testing.T) {
	t.Parallel()
	db := oneConnection(t)
	for i := range 3 {
		c := db.call(t)
		c.execute("SELECT 7 AS kept")
		if got := c.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 7 AS kept'"); got != "[[1]]" {
			t.Errorf("call %d: %s prepared", i, got)
		}
		c.end()
	}
}

func TestOpenTransactionsAreRolledBack(t *testing.T) {
	t.Parallel()
	db := oneConnection(t)
	setup := db.call(t)
	setup.execute("CREATE TABLE t (n int PRIMARY KEY)")
	pid := setup.execute("SELECT pg_backend_pid()")
	setup.end()
	for _, last := range []string{"INSERT INTO t VALUES (1)", "SET LOCAL statement_timeout = 77", "DECLARE c CURSOR WITH HOLD FOR SELECT 1"} {
		leaving := db.call(t)
		tx := leaving.begin()
		leaving.execute("INSERT INTO t VALUES (2)", "transaction", tx)
		leaving.execute(last, "transaction", tx)
		leaving.end()
		next := db.call(t)
		if got := next.execute("SELECT count(*), pg_backend_pid() FROM t"); got != "[[0,"+strings.Trim(pid, "[]")+"]]" {
			t.Errorf("after %s: %s, want no row over connection %s", last, got, pid)
		}
		next.end()
	}
	// A statement that fails does not end the connection either.
	leaving := db.call(t)
	tx := leaving.begin()
	if _, err := leaving.do("sql.execute", `{"statement": "SELECT 1/0"}`, "transaction", tx); host.CodeOf(err) != abi.Remote {
		t.Errorf("a division by zero: %v", err)
	}
	leaving.end()
	if got := db.call(t).execute("SELECT pg_backend_pid()"); got != pid {
		t.Errorf("connection %s, want %s", got, pid)
	}
}

func TestHiddenEndsOfTransactions(t *testing.T) {
	t.Parallel()
	c := oneConnection(t).call(t)
	c.execute("CREATE TABLE t (n int)")
	tx := c.begin()
	for _, s := range []string{"INSERT INTO t VALUES (1); COMMIT", "INSERT INTO t VALUES (1);;  /* x */ rollback", "INSERT INTO t VALUES (1); BEGIN; SELECT 1"} {
		if _, err := c.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, s), "transaction", tx); host.CodeOf(err) != abi.Invalid {
			t.Errorf("%s: %v", s, err)
		}
	}
	c.execute("CREATE FUNCTION two() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END", "transaction", tx)
	if got := c.execute("SELECT two()", "transaction", tx); got != "[[2]]" {
		t.Errorf("a function with a body: %s", got)
	}
}

// TestConnectionsAreShared has more calls than connections.
func TestConnectionsAreShared(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test", "pool_size": 3}`,
		connectortest.PostgreSQL(t)))
	var running sync.WaitGroup
	for i := range 12 {
		running.Go(func() {
			c := db.call(t)
			defer c.end()
			for range 20 {
				r, err := c.do("sql.execute", fmt.Sprintf(`{"statement": "SELECT current_setting('serai.who', true), set_config('serai.who', :me, false)", "parameters": {"me": "%d"}}`, i))
				if err != nil {
					t.Error(err)
					return
				}
				_, rows, _ := strings.Cut(string(r.Body), `"rows":[[`)
				who, _, _ := strings.Cut(rows, ",")
				if me := fmt.Sprintf("%q", fmt.Sprint(i)); who != "null" && who != `""` && who != me {
					t.Errorf("call %d sees what %s has left", i, who)
				}
			}
		})
	}
	running.Wait()
	if got := db.call(t).execute("SELECT count(*) <= 3 FROM pg_stat_activity WHERE application_name = 'serai'"); got != "[[true]]" {
		t.Errorf("at most three connections: %s", got)
	}
}
