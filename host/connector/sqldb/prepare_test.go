package sqldb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/connector/connectortest"
)

func TestStatementsStayPrepared(t *testing.T) {
	t.Parallel()
	port := connectortest.PostgreSQL(t)
	const prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT * FROM changing%'"
	for _, c := range []struct{ prepare, want string }{{"true", "[[1]]"}, {"false", "[[0]]"}} {
		db := newDatabase(t, fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test",
			"pool_size": 1, "prepare": %s}`, port, c.prepare))
		execute := func(statement string, parameters ...any) string {
			t.Helper()
			out, err := db.do(t.Context(), "acme", "sql.execute", map[string]any{"statement": statement, "parameters": parameters})
			if err != nil {
				t.Fatalf("prepare %s: %s: %v", c.prepare, statement, err)
			}
			return string(out.Body)
		}
		execute("DROP TABLE IF EXISTS changing")
		execute("CREATE TABLE changing (id integer, what text)")
		execute("INSERT INTO changing VALUES ($1, $2)", 1, "a")
		execute("SELECT * FROM changing WHERE id = $1", 1)
		execute("SELECT * FROM changing WHERE id = $1", 1)
		if got := execute(prepared); !strings.Contains(got, c.want) {
			t.Errorf("prepare %s: the server has prepared %s, want %s", c.prepare, got, c.want)
		}
	}
}

func TestPreparedStatementsFollowTheirTables(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test", "pool_size": 1}`,
		connectortest.PostgreSQL(t)))
	execute := func(statement string) string {
		t.Helper()
		out, err := db.do(t.Context(), "acme", "sql.execute", map[string]any{"statement": statement})
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		return string(out.Body)
	}
	const all, add = "SELECT * FROM changing", "INSERT INTO changing (id) VALUES (7) RETURNING *"
	execute("CREATE TABLE changing (id integer)")
	execute(add)
	execute(all)
	for _, change := range []struct{ statement, all, added string }{
		{"ALTER TABLE changing ADD what text", `[[7,null]]`, `[[7,null]]`},
		{"ALTER TABLE changing ALTER id TYPE text", `[["7",null],["7",null]]`, `[["7",null]]`},
		{"DEALLOCATE ALL", `[["7",null],["7",null],["7",null]]`, `[["7",null]]`},
	} {
		execute(change.statement)
		if got := execute(all); !strings.Contains(got, change.all) {
			t.Errorf("after %s: %s, want %s", change.statement, got, change.all)
		}
		if got := execute(add); !strings.Contains(got, change.added) {
			t.Errorf("after %s: %s, want %s", change.statement, got, change.added)
		}
	}
}
