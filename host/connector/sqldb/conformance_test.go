package sqldb_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/sqldb"
)

const conformancePassword = "a-password-that-nobody-sees"

func TestConformance(t *testing.T) {
	config := func(engine, database string) func(addr string) string {
		return func(addr string) string {
			h, port, _ := net.SplitHostPort(addr)
			return fmt.Sprintf(`{"engine": %q, "host": %q, "port": %s, "database": %q, "username": "test", "password": "${secret:db}"}`, engine, h, port, database)
		}
	}
	for engine, suite := range map[string]func(t *testing.T) connectortest.Suite{
		"sqlite": func(*testing.T) connectortest.Suite {
			return connectortest.Suite{Config: func(string) string { return `{"engine": "sqlite", "database": "test"}` }}
		},
		"postgresql": func(t *testing.T) connectortest.Suite {
			t.Helper()
			return connectortest.Suite{Server: connectortest.StartPostgreSQL(t, conformancePassword), Config: config("postgresql", "postgres")}
		},
		"mysql": func(t *testing.T) connectortest.Suite {
			t.Helper()
			return connectortest.Suite{Server: connectortest.StartMariaDB(t, conformancePassword), Config: config("mysql", "mysql")}
		},
	} {
		t.Run(engine, func(t *testing.T) {
			s := suite(t)
			s.Connector, s.Ops, s.Fails = sqldb.Connector(), conformanceOps(engine), conformanceFails(engine)
			if engine == "sqlite" {
				s.Lacks = []string{"sql.call"}
			}
			if s.Server != nil {
				s.Secrets = map[string]string{"db": conformancePassword}
			}
			connectortest.Run(t, s)
		})
	}
}

// one returns an envelope with one field.
func one(name, value string) abi.Envelope { return abi.Envelope{{Name: name, Value: value}} }

func conformanceOps(engine string) []connectortest.Op {
	begun := func(ctx context.Context, c *connectortest.Client) (abi.Envelope, error) {
		r, err := c.Do(ctx, "sql.begin", nil, "")
		if err != nil {
			return nil, err
		}
		return one("transaction", r.Envelope.Get("transaction")), nil
	}
	called := map[string]connectortest.Op{
		"postgresql": {Name: "sql.call", Body: `{"procedure": "repeat", "parameters": ["ab", 3]}`},
		"mysql": {Name: "sql.call", Body: `{"procedure": "mysql.conform"}`, Before: func(ctx context.Context, c *connectortest.Client) (abi.Envelope, error) {
			_, err := c.Do(ctx, "sql.execute", nil, `{"statement": "CREATE OR REPLACE PROCEDURE mysql.conform() SELECT 1"}`)
			return nil, err
		}},
	}
	const many = `{"statement": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 50) SELECT a.n FROM s a, s b"}`
	out := []connectortest.Op{
		{Name: "sql.execute", Body: `{"statement": "SELECT 7 AS n"}`, Check: func(t *testing.T, r *connector.Result) {
			t.Helper()
			if want := `"rows":[[7]]}`; !strings.HasSuffix(string(r.Body), want) {
				t.Errorf("%s, want %s", r.Body, want)
			}
		}},
		{Name: "sql.execute", Body: many},
		{Name: "sql.execute", Body: `{"statement": "SELECT 7 AS n"}`, Before: begun},
		{Name: "sql.batch", Body: `{"statement": "SELECT :n", "batch": [{"n": "a"}, {"n": "b"}]}`},
		{Name: "sql.next", Before: func(ctx context.Context, c *connectortest.Client) (abi.Envelope, error) {
			r, err := c.Do(ctx, "sql.execute", nil, many)
			if err != nil {
				return nil, err
			}
			return one("cursor", r.Envelope.Get("cursor")), nil
		}},
		{Name: "sql.begin"},
		{Name: "sql.commit", Before: begun},
		{Name: "sql.rollback", Before: begun},
		{Name: "sql.close", Before: func(ctx context.Context, c *connectortest.Client) (abi.Envelope, error) {
			r, err := c.Do(ctx, "sql.execute", nil, many)
			if err != nil {
				return nil, err
			}
			return one("cursor", r.Envelope.Get("cursor")), nil
		}},
	}
	if op, ok := called[engine]; ok {
		out = append(out, op)
	}
	return out
}

func conformanceFails(engine string) []connectortest.OpFailure {
	noProcedure := abi.Remote
	if engine == "sqlite" {
		noProcedure = abi.Unsupported
	}
	var out []connectortest.OpFailure
	for _, f := range []struct {
		op     string
		fields abi.Envelope
		body   string
		code   abi.Code
	}{
		{"sql.execute", nil, `{"statement": "SELEC 1"}`, abi.Remote},
		{"sql.execute", nil, `{"statement": "SELECT :n"}`, abi.Remote},
		{"sql.execute", nil, `{"statement": "SELECT n FROM no_such_table"}`, abi.Remote},
		{"sql.execute", one("transaction", "none"), `{"statement": "SELECT 1"}`, abi.Invalid},
		{"sql.batch", nil, `{"statement": "SELEC :n", "batch": [{"n": 1}]}`, abi.Remote},
		{"sql.next", one("cursor", "none"), "", abi.Invalid},
		{"sql.call", nil, `{"procedure": "no_such"}`, noProcedure},
		{"sql.close", one("cursor", "none"), "", abi.Invalid},
		{"sql.commit", one("transaction", "none"), "", abi.Invalid},
		{"sql.rollback", one("transaction", "none"), "", abi.Invalid},
	} {
		out = append(out, connectortest.OpFailure{Op: connectortest.Op{Name: f.op, Fields: f.fields, Body: f.body}, Code: f.code})
	}
	return out
}
