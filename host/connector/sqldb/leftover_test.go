package sqldb_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// leftover is what a call leaves in its session, and how another would see it.
// want is the rows or part of an error.
type leftover struct{ name, leave, look, want string }

var mysqlLeftovers = []leftover{
	{"a lock", "SELECT GET_LOCK('x', 0)", "SELECT COALESCE(IS_USED_LOCK('x') = CONNECTION_ID(), 0)", `[[0]]`},
	{"a lock of DO", "DO GET_LOCK('x', 0)", "SELECT COALESCE(IS_USED_LOCK('x') = CONNECTION_ID(), 0)", `[[0]]`},
	{"a variable", "SELECT @v := 1", "SELECT @v", `[[null]]`},
	{"a variable of a function", "SELECT a.sets()", "SELECT @v", `[[null]]`},
	{"a variable of a view", "SELECT * FROM a.quiet", "SELECT @v", `[[null]]`},
	{"a variable of a trigger", "INSERT INTO a.marked VALUES (1)", "SELECT @v", `[[null]]`},
	{"a variable of INTO", "SELECT 1 INTO @v", "SELECT @v", `[[null]]`},
	{"a setting", "SET SESSION sql_mode = ''", "SELECT @@sql_mode", `[["ANSI_QUOTES"]]`},
	{"a setting of a function", "SELECT a.loosens()", "SELECT @@sql_mode", `[["ANSI_QUOTES"]]`},
	{"a character set", "SET NAMES latin1", "SELECT @@character_set_client, @@character_set_results, @@collation_connection", `[["utf8mb4","utf8mb4","utf8mb4_general_ci"]]`},
	{"a transaction of a procedure", "CALL a.opens()", "SELECT @@in_transaction", `[[0]]`},
	{"autocommit", "SET autocommit = 0", "SELECT @@autocommit", `[[1]]`},
	{"a database", "USE a", "SELECT DATABASE()", `[["mysql"]]`},
	{"a database of a procedure", "CALL a.goes()", "SELECT DATABASE()", `[["mysql"]]`},
	{"a role", "SET ROLE other", "SELECT CURRENT_ROLE()", `[[null]]`},
	{"a role of a function", "SELECT a.plays()", "SELECT CURRENT_ROLE()", `[[null]]`},
	{"a temporary table", "CREATE TEMPORARY TABLE a.mine AS SELECT 1 AS n", "SELECT * FROM a.mine", "doesn't exist"},
	{"a prepared statement", "PREPARE mine FROM 'SELECT 1'", "EXECUTE mine", "Unknown prepared statement"},
	{"a handler", "HANDLER a.marked OPEN AS mine", "HANDLER mine READ FIRST", "Unknown table"},
	{"locked tables", "LOCK TABLES a.marked WRITE", "SELECT COUNT(*) FROM a.other", `[[0]]`},
	{"the last key", "INSERT INTO a.keys_ VALUES ()", "SELECT LAST_INSERT_ID()", `[[0]]`},
	{"warnings", "SELECT 1/0", "SHOW WARNINGS", `[]`},
	{"found rows", "SELECT 1 UNION SELECT 2 UNION SELECT 3", "SELECT FOUND_ROWS()", `[[1]]`},
	{"profiles", "CALL a.profiles()", "SHOW PROFILES", `[]`},
}

var sqliteLeftovers = []leftover{
	{"a setting", "PRAGMA foreign_keys = 0", "PRAGMA foreign_keys", `[[1]]`},
	{"an explained setting", "EXPLAIN PRAGMA foreign_keys = 0", "PRAGMA foreign_keys", `[[1]]`},
	{"a temporary table", "CREATE TEMP TABLE mine (n)", "SELECT * FROM mine", "no such table"},
	{"a table in temp", "CREATE TABLE 'temp'.mine (n)", "SELECT * FROM mine", "no such table"},
	{"a temporary view", "CREATE TEMP VIEW mine AS SELECT 1", "SELECT * FROM mine", "no such table"},
	{"a temporary trigger", "CREATE TEMP TRIGGER mine AFTER INSERT ON marked BEGIN DELETE FROM marked; END", "SELECT count(*) FROM temp.sqlite_schema WHERE name = 'mine'", `[[0]]`},
	{"a setting behind a trigger", "CREATE TRIGGER IF NOT EXISTS one AFTER INSERT ON marked BEGIN SELECT 1; END; PRAGMA foreign_keys = 0", "PRAGMA foreign_keys", `[[1]]`},
	{"a savepoint behind a trigger", "CREATE TRIGGER IF NOT EXISTS one AFTER INSERT ON marked BEGIN SELECT 1; END; SAVEPOINT s", "INSERT INTO other VALUES (1)", ""},
	{"the last row", "INSERT INTO marked VALUES (1)", "SELECT last_insert_rowid()", `[[0]]`},
	{"the count of changes", "INSERT INTO marked VALUES (1), (2)", "SELECT changes()", `[[0]]`},
	{"what is in temp", `REPLACE INTO temp."serai's count" VALUES (7)`, `SELECT * FROM temp."serai's count" WHERE n = 7`, ""},
}

// TestSessions is about what a call leaves in its session.
func TestSessions(t *testing.T) { //nolint:tparallel // its parts take the same locks
	t.Parallel()
	server := connectortest.StartMariaDB(t, "")
	testReset(t, server.Port)
	testAtATime(t, server.Port)
	testLeftovers(t, server)
}

// testLeftovers has calls leave things in their sessions, with and without
// ending before the next one, which has to be served by the same connection
// or, of two, by either.
func testLeftovers(t *testing.T, server *connectortest.Database) {
	t.Helper()
	overMySQL := func(tls string) string {
		return fmt.Sprintf(`{"engine": "mysql", "host": "127.0.0.1", "port": %d, "database": "mysql", "username": "root", "options": {"sql_mode": "'ANSI_QUOTES'"}, "tls": %s`, server.Port, tls)
	}
	trusting, err := json.Marshal(map[string]string{"mode": "on", "ca_pem": server.CA, "server_name": "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, config string
		before       []string
		all          []leftover
	}{
		{"mysql", overMySQL(`{}`), []string{
			"CREATE DATABASE a", "CREATE ROLE other", "GRANT other TO root", "CREATE TABLE a.marked (n INT)", "CREATE TABLE a.other (n INT)",
			"CREATE TABLE a.keys_ (n INT AUTO_INCREMENT PRIMARY KEY)",
			"CREATE FUNCTION a.sets() RETURNS INT BEGIN SET @v = 5; RETURN 1; END",
			"CREATE FUNCTION a.loosens() RETURNS INT BEGIN SET sql_mode = ''; RETURN 1; END",
			"CREATE FUNCTION a.plays() RETURNS INT BEGIN SET ROLE other; RETURN 1; END",
			"CREATE VIEW a.quiet AS SELECT a.sets()",
			"CREATE TRIGGER a.marks BEFORE INSERT ON a.marked FOR EACH ROW SET @v = 1",
			"CREATE PROCEDURE a.opens() BEGIN START TRANSACTION; INSERT INTO a.other VALUES (1); END",
			"CREATE PROCEDURE a.goes() EXECUTE IMMEDIATE 'USE a'",
			"CREATE PROCEDURE a.profiles() BEGIN SET profiling = 1; SELECT 'told to nobody'; SET profiling = 0; END",
		}, mysqlLeftovers},
		{"mysql with TLS", overMySQL(string(trusting)), nil, mysqlLeftovers},
		{"sqlite", `{"engine": "sqlite", "database": "test"`, []string{"CREATE TABLE marked (n INTEGER)", "CREATE TABLE other (n INTEGER)"}, sqliteLeftovers},
	} {
		for _, size := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, %d", c.name, size), func(t *testing.T) {
				db := newDatabase(t, fmt.Sprintf(`%s, "pool_size": %d}`, c.config, size))
				setup := db.call(t)
				for _, s := range c.before {
					if _, err := setup.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, s)); err != nil && size == 1 {
						t.Fatalf("%s: %v", s, err)
					}
				}
				setup.end()
				for _, l := range c.all {
					for _, ended := range []bool{false, true} {
						leaving := db.call(t)
						if _, err := leaving.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, l.leave)); err != nil && !strings.Contains(l.leave, "serai's count") {
							t.Errorf("%s: %v", l.name, err)
						}
						if ended {
							leaving.end()
						}
						for range size {
							next := db.call(t)
							r, err := next.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, l.look))
							switch {
							case host.CodeOf(err) == abi.Remote && strings.Contains(err.Error(), l.want) && !strings.HasPrefix(l.want, "["):
							case err != nil:
								t.Errorf("%s, call ended %t: %v", l.name, ended, err)
							case strings.HasPrefix(l.want, "[") && !strings.HasSuffix(string(r.Body), `"rows":`+l.want+"}"):
								t.Errorf("%s, call ended %t: %s gives %s, want %s", l.name, ended, l.look, r.Body, l.want)
							case !strings.HasPrefix(l.want, "[") && l.want != "":
								t.Errorf("%s, call ended %t: %s gives %s, want %s", l.name, ended, l.look, r.Body, l.want)
							}
							defer next.end()
						}
						leaving.end()
					}
				}
			})
		}
	}
}

// TestSQLiteRefusesHiddenTransactions hides what the text of a statement does
// not show.
func TestSQLiteRefusesHiddenTransactions(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, `{"engine": "sqlite", "database": "test", "pool_size": 2}`)
	c := db.call(t)
	c.execute("CREATE TABLE t (n INTEGER)")
	const trigger = "CREATE TRIGGER IF NOT EXISTS one AFTER INSERT ON t BEGIN SELECT 1; END; "
	tx := c.begin()
	c.execute("INSERT INTO t VALUES (1)", "transaction", tx)
	for _, s := range []string{"COMMIT", "END", "ROLLBACK"} {
		if _, err := c.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, trigger+s), "transaction", tx); host.CodeOf(err) != abi.Invalid {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := c.do("sql.rollback", "", "transaction", tx); err != nil {
		t.Error(err)
	}
	if _, err := c.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, trigger+"BEGIN IMMEDIATE")); host.CodeOf(err) != abi.Invalid {
		t.Error(err)
	}
	if got := db.call(t).execute("INSERT INTO t VALUES (2) RETURNING n"); got != "[[2]]" { // nobody has the lock
		t.Error(got)
	}
	if got := c.execute("SELECT n FROM t"); got != "[[2]]" {
		t.Errorf("%s, want what was inserted last only", got)
	}
}

// testReset needs the driver's socket, also where it is encrypted.
func testReset(t *testing.T, port int) {
	t.Helper()
	for _, tls := range []string{"off", "insecure"} {
		db := newDatabase(t, fmt.Sprintf(`{"engine": "mysql", "host": "127.0.0.1", "port": %d, "database": "mysql", "username": "root", "pool_size": 1, "tls": {"mode": %q}}`, port, tls))
		first := db.call(t)
		cipher := first.execute("SHOW STATUS LIKE 'Ssl_cipher'")
		if encrypted := cipher != `[["Ssl_cipher",""]]`; encrypted != (tls != "off") {
			t.Errorf("TLS %s: %s", tls, cipher)
		}
		id := first.execute("SELECT CONNECTION_ID()")
		for _, leave := range []string{"SELECT 1", "SELECT @v := 1", "SET @v = 1", "CREATE TEMPORARY TABLE mine (n INT)"} {
			leaving := db.call(t)
			leaving.execute(leave)
			next := db.call(t)
			if got := next.execute("SELECT CONNECTION_ID()"); got != id {
				t.Errorf("TLS %s, %s: connection %s, want %s", tls, leave, got, id)
			}
			leaving.end()
		}
		// Within a call there is nothing between its statements, and its state.
		c := db.call(t)
		c.execute("SELECT @v := 7")
		const questions = "SELECT VARIABLE_VALUE, @v FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Questions'"
		var before, after int
		for i, n := range []*int{&before, &after} {
			if got := c.execute(questions); !strings.HasSuffix(got, `,7]]`) {
				t.Errorf("TLS %s: %s", tls, got)
			} else if _, err := fmt.Sscanf(got, `[["%d"`, n); err != nil {
				t.Errorf("TLS %s: %s: %v", tls, got, err)
			}
			if i == 0 {
				c.execute("SELECT 1")
			}
		}
		if after-before != 2 {
			t.Errorf("TLS %s: two statements are %d to the server", tls, after-before)
		}
	}
}

// testAtATime has more calls than connections, each of which would see what
// another has left.
func testAtATime(t *testing.T, port int) {
	t.Helper()
	for _, size := range []int{1, 2} {
		for name, c := range map[string]struct{ config, leave, look string }{
			"mysql":  {fmt.Sprintf(`"engine": "mysql", "host": "127.0.0.1", "port": %d, "database": "mysql", "username": "root"`, port), "SELECT @who := %d", "SELECT @who"},
			"sqlite": {`"engine": "sqlite", "database": "test"`, "REPLACE INTO t VALUES (%d)", "SELECT last_insert_rowid()"},
		} {
			t.Run(fmt.Sprintf("%s, %d", name, size), func(t *testing.T) {
				db := newDatabase(t, fmt.Sprintf(`{%s, "pool_size": %d}`, c.config, size))
				if name == "sqlite" {
					db.call(t).execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
				}
				var running sync.WaitGroup
				for i := range 8 {
					running.Go(func() {
						one := db.call(t)
						defer one.end()
						me := fmt.Sprintf("[[%d]]", i+1)
						for range 10 {
							for _, s := range []string{fmt.Sprintf(c.leave, i+1), c.look} {
								r, err := one.do("sql.execute", fmt.Sprintf(`{"statement": %q}`, s))
								if err != nil {
									t.Errorf("call %d: %v", i, err)
									return
								}
								_, got, _ := strings.Cut(strings.TrimSuffix(string(r.Body), "}"), `"rows":`)
								if s == c.look && got != me && got != "[[null]]" && got != "[[0]]" {
									t.Errorf("call %d sees %s", i+1, got)
								}
							}
						}
					})
				}
				running.Wait()
			})
		}
	}
}
