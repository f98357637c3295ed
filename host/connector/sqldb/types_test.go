package sqldb_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// TestEngines has the databases do what differs between them.
func TestEngines(t *testing.T) {
	engines(t, func(t *testing.T, d *database, engine string) {
		for _, check := range []func(*testing.T, *database, string){checkTypes, checkParameters, checkStatements, checkSessionsAreForgotten, checkProcedures} {
			check(t, d, engine)
		}
	})
}

// checkTypes reads a value of each family of types.
func checkTypes(t *testing.T, d *database, engine string) {
	t.Helper()
	postgres := [][3]string{
		{"(-9223372036854775808)::bigint", "integer", "-9223372036854775808"},
		{"'NaN'::numeric", "decimal", `"NaN"`},
		{"1.50::numeric(10,2)", "decimal", `"1.50"`},
		{"'12345678901234567890123456789012345678901234567890.000000001'::numeric", "decimal", `"12345678901234567890123456789012345678901234567890.000000001"`},
		{"'12.34'::money", "text", `"$12.34"`},
		{"0.1::float4", "float", "0.1"},
		{"'-Infinity'::float8", "float", `"-Inf"`},
		{"'2026-01-02 03:04:05.678901+02'::timestamptz", "moment", `"2026-01-02T01:04:05.678901Z"`},
		{"'infinity'::timestamptz", "moment", `"infinity"`},
		{"'2026-01-02 03:04:05'::timestamp", "datetime", `"2026-01-02T03:04:05"`},
		{"'24:00'::time", "time", `"24:00:00"`},
		{"'03:04:05+02'::timetz", "time", `"03:04:05+02"`},
		{"'1 year 2 mons 3 days 04:05:06.7'::interval", "interval", `"1 year 2 mons 3 days 04:05:06.7"`},
		{`'{"b": 1.10, "a": [12345678901234567890]}'::jsonb`, "json", `{"a": [12345678901234567890], "b": 1.10}`},
		{`'\xdeadbeef'::bytea`, "bytes", `"3q2+7w=="`},
		{"ARRAY[[1,2],[3,NULL]]", "list:integer", "[[1,2],[3,null]]"},
		{"'[0:1]={7,8}'::int[]", "list:integer", "[7,8]"},
		{"ARRAY[1.50,2]::numeric[]", "list:decimal", `["1.50","2"]`},
		{"ARRAY['2026-01-02 03:04:05+00']::timestamptz[]", "list:moment", `["2026-01-02T03:04:05+00"]`},
		{`ARRAY['a,b','c"d','NULL','',NULL]`, "list:text", `["a,b","c\"d","NULL","",null]`},
		{`ARRAY['\x00ff'::bytea]`, "list:bytes", `["AP8="]`},
		{"ARRAY['b','a']::mood[]", "list:text", `["b","a"]`},
		{"'b'::mood", "text", `"b"`},
		{"1::small", "integer", "1"},
		{"ROW(1,'a b')::pair", "text", `"(1,\"a b\")"`},
		{"'10.0.0.0/8'::inet", "text", `"10.0.0.0/8"`},
		{"int4range(1,5)", "text", `"[1,5)"`},
		{"B'101'::bit(3)", "text", `"101"`},
		{"'x'::char(3)", "text", `"x  "`},
		{"NULL::uuid", "uuid", "null"},
	}
	maria := [][3]string{
		{"CAST(18446744073709551615 AS UNSIGNED)", "integer", "18446744073709551615"},
		{"CAST(1.50 AS DECIMAL(30,10))", "decimal", `"1.5000000000"`},
		{"CAST(0.1 AS FLOAT)", "float", "0.1"},
		{"CAST('2026-01-02 03:04:05.123456' AS DATETIME(6))", "datetime", `"2026-01-02T03:04:05.123456"`},
		{"CAST('-838:59:59' AS TIME)", "interval", `"-838:59:59"`},
		{"X'deadbeef'", "bytes", `"3q2+7w=="`},
		{"CAST('0000-00-00' AS DATE)", "date", `"0000-00-00"`},
		{"NULL", "text", "null"},
	}
	lite := [][3]string{
		{"9223372036854775807", "any", "9223372036854775807"},
		{"1.5", "any", "1.5"},
		{"x'00ff'", "any", `{"type":"bytes","value":"AP8="}`},
		{"NULL", "any", "null"},
	}
	if engine == "postgresql" {
		for _, s := range []string{"CREATE TYPE mood AS ENUM ('a','b')", "CREATE TYPE pair AS (x int, y text)", "CREATE DOMAIN small AS int"} {
			d.must(t.Context(), s, nil)
		}
	}
	for _, c := range map[string][][3]string{"postgresql": postgres, "mysql": maria, "sqlite": lite}[engine] {
		r, err := d.do(t.Context(), "a", "sql.execute", object{"statement": "SELECT " + c[0] + " AS v"})
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		if want := `{"columns":["v"],"types":["` + c[1] + `"],"rows":[[` + c[2] + `]]}`; string(r.Body) != want {
			t.Errorf("%s: %s, want %s", c[0], r.Body, want)
		}
	}
}

// checkParameters passes a value of each kind.
func checkParameters(t *testing.T, d *database, engine string) {
	t.Helper()
	if engine != "postgresql" {
		return
	}
	list := func(items ...any) object { return typed("list", items) }
	for _, c := range []struct {
		expr string
		in   any
		want string
	}{
		{":v::int", 7, "7"},
		{":v::text", "it's", `"it's"`},
		{":v::bool", true, "true"},
		{":v::numeric", typed("decimal", "1.50"), `"1.50"`},
		{":v::numeric", typed("decimal", "NaN"), `"NaN"`},
		{":v::numeric", json.Number("12345678901234567890123"), `"12345678901234567890123"`},
		{":v::timestamptz", typed("datetime", "2026-01-02T03:04:05+02:00"), `"2026-01-02T01:04:05Z"`},
		{":v::timestamp", typed("datetime", "2026-01-02T03:04:05.5"), `"2026-01-02T03:04:05.5"`},
		{":v::date", typed("date", "2026-01-02"), `"2026-01-02"`},
		{":v::time", typed("time", "03:04:05"), `"03:04:05"`},
		{":v::interval", typed("interval", "-100:00:01.5"), `"-100:00:01.5"`},
		{":v::uuid", typed("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"), `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
		{":v::bytea", typed("bytes", "AP8="), `"AP8="`},
		{":v::jsonb", typed("json", object{"a": []int{1}}), `{"a": [1]}`},
		{":v::inet", "10.0.0.1", `"10.0.0.1"`},
		{":v::int[]", list(1, nil, 2), "[1,null,2]"},
		{":v::int[]", list(), "[]"},
		{":v::int[]", list(list(1, 2), list(3, 4)), "[[1,2],[3,4]]"},
		{":v::text[]", list(`a"b\c`, "NULL", "", nil), `["a\"b\\c","NULL","",null]`},
		{":v::numeric[]", list(typed("decimal", "1.50")), `["1.50"]`},
		{":v::timestamptz[]", list(typed("datetime", "2026-01-02T03:04:05+02:00")), `["2026-01-02T01:04:05+00"]`},
		{":v::bytea[]", list(typed("bytes", "AP8=")), `["AP8="]`},
		{":v::bool[]", list(true, false), "[true,false]"},
		{"7 = ANY(:v)", list(6, 7), "true"},
		{":v::int", nil, "null"},
		{`'{"a": 1}'::jsonb ? :v`, "a", "true"},
		{`$tag$ :no ' $tag$ || :v /* :no /* :no */ */`, "x", `" :no ' x"`},
	} {
		r, err := d.do(t.Context(), "a", "sql.execute", object{"statement": "SELECT " + c.expr + " AS v", "parameters": object{"v": c.in}})
		if err != nil {
			t.Errorf("%s with %v: %v", c.expr, c.in, err)
		} else if want := `"rows":[[` + c.want + `]]}`; !strings.HasSuffix(string(r.Body), want) {
			t.Errorf("%s with %v: %s, want %s", c.expr, c.in, r.Body, want)
		}
	}
}

// checkStatements executes statements of many kinds.
func checkStatements(t *testing.T, d *database, engine string) {
	t.Helper()
	ctx := t.Context()
	d.must(ctx, "CREATE TABLE pets (id INTEGER PRIMARY KEY, name VARCHAR(50))", nil)
	for _, c := range []struct{ engines, statement, affected, body string }{
		{"", "INSERT INTO pets VALUES (1, 'RETURNING'), (2, 'b')", "2", ""},
		{"", "/* first */ -- and\n UPDATE pets SET name = 'c' WHERE id = 2", "1", ""},
		{"", "DELETE FROM pets WHERE id = 9", "0", ""},
		{"", "SELECT id, id, name AS id FROM pets WHERE id = 2", "", `"rows":[[2,2,"c"]]}`},
		{"", "SELECT name FROM pets WHERE id > 9", "", `"rows":[]}`},
		{"", "(SELECT 1 AS n)", "", `"rows":[[1]]}`},
		{"postgresql sqlite", "INSERT INTO pets VALUES (3, 'd') RETURNING id, name", "", `"rows":[[3,"d"]]}`},
		{"mysql", "INSERT INTO pets VALUES (3, 'd') RETURNING id, name", "", `"rows":[[3,"d"]]}`},
		{"postgresql sqlite", "WITH n AS (SELECT 1 AS id) UPDATE pets SET name = 'e' WHERE id IN (SELECT id FROM n)", "1", ""},
		{"postgresql", "WITH gone AS (DELETE FROM pets WHERE id = 3 RETURNING id) SELECT id FROM gone", "", `"rows":[[3]]}`},
		{"postgresql", "DO $$ BEGIN PERFORM 1; END $$", "0", ""},
		{"postgresql", "SHOW server_encoding", "", `"rows":[["UTF8"]]}`},
		{"postgresql", "EXPLAIN (COSTS OFF) SELECT 1", "", `"rows":[["Result"]]}`},
		{"mysql", "SHOW COLUMNS FROM pets LIKE 'id'", "", `"rows":[["id","int(11)","NO","PRI",null,""]]}`},
		{"mysql", "TABLE_DOES_NOT", "error", ""},
		{"", "SELECT 1; SELECT 2", "error", ""},
		{"", "BEGIN", "error", ""},
		{"", "  commit ;", "error", ""},
		{"", "ROLLBACK", "error", ""},
		{"", "SAVEPOINT a", "error", ""},
	} {
		if c.engines != "" && !strings.Contains(c.engines, engine) || engine == "sqlite" && strings.HasPrefix(c.statement, "(") {
			continue
		}
		r, err := d.do(ctx, "a", "sql.execute", object{"statement": c.statement})
		switch {
		case c.affected == "error":
			if err == nil {
				t.Errorf("%s: done", c.statement)
			}
		case err != nil:
			t.Errorf("%s: %v", c.statement, err)
		case r.Envelope.Get("affected") != c.affected || !strings.HasSuffix(string(r.Body), c.body) || c.body == "" && len(r.Body) > 0:
			t.Errorf("%s: %v %s", c.statement, r.Envelope, r.Body)
		}
	}
}

// checkSessionsAreForgotten sets something that would show to the next call.
func checkSessionsAreForgotten(t *testing.T, d *database, engine string) {
	t.Helper()
	ctx := t.Context()
	set, get := map[string]string{"postgresql": "SET statement_timeout = 12345", "mysql": "SET @x = 5", "sqlite": "CREATE TEMP TABLE mine (x)"}[engine],
		map[string]string{"postgresql": "SHOW statement_timeout", "mysql": "SELECT @x", "sqlite": "SELECT COUNT(*) FROM sqlite_temp_master"}[engine]
	want := map[string]string{"postgresql": `[["0"]]}`, "mysql": `[[null]]}`, "sqlite": "[[0]]}"}[engine]
	d.must(ctx, set, nil)
	r, err := d.do(ctx, "a", "sql.begin", nil)
	if err != nil {
		t.Fatal(err)
	}
	tx := r.Envelope.Get("transaction")
	d.must(ctx, set, nil, "transaction", tx)
	for _, s := range []string{"SAVEPOINT a", "ROLLBACK TO SAVEPOINT a"} {
		d.must(ctx, s, nil, "transaction", tx)
	}
	if _, err := d.do(ctx, "a", "sql.execute", object{"statement": "COMMIT"}, "transaction", tx); host.CodeOf(err) != abi.Invalid {
		t.Errorf("a commit inside: %v", err)
	}
	if _, err := d.do(ctx, "a", "sql.commit", nil, "transaction", tx); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r := d.must(ctx, get, nil); !strings.HasSuffix(string(r.Body), want) {
			t.Errorf("%s: %s, want %s", get, r.Body, want)
		}
	}
}
