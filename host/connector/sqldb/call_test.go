package sqldb_test

import (
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func checkProcedures(t *testing.T, d *database, engine string) {
	t.Helper()
	prepare := map[string][]string{
		"postgresql": {
			"CREATE PROCEDURE swap(INOUT a int, INOUT b int, OUT sum numeric) LANGUAGE plpgsql AS $$ DECLARE c int := a; BEGIN a := b; b := c; sum := a + b + 0.50; END $$",
			"CREATE FUNCTION series(n int) RETURNS TABLE (i int, t text) LANGUAGE sql AS $$ SELECT i, 'x' || i FROM generate_series(1, n) i $$",
			"CREATE FUNCTION twice(IN a int, OUT b int, OUT c text) LANGUAGE sql AS $$ SELECT a * 2, 'y' $$",
		},
		"mysql": {
			"CREATE PROCEDURE test.swap(INOUT a INT, INOUT b INT, OUT s DECIMAL(10,2)) BEGIN DECLARE c INT; SET c = a, a = b, b = c, s = a + b + 0.5; END",
			"CREATE PROCEDURE test.several(n INT) BEGIN SELECT n AS i; SELECT 'a' AS x UNION ALL SELECT 'b'; END",
			"CREATE PROCEDURE test.many() BEGIN SELECT seq FROM seq_1_to_2500; END",
		},
	}
	if engine == "mysql" {
		d.must(t.Context(), "CREATE DATABASE test", nil)
	}
	for _, s := range prepare[engine] {
		d.must(t.Context(), s, nil)
	}
	for _, c := range []struct {
		engine, name string
		params       []any
		ways         []string
		code         abi.Code
		want         string
	}{
		{"postgresql", "swap", []any{1, 2, nil}, []string{"inout", "inout", "out"}, abi.OK, `{"sets":[],"out":{"columns":["a","b","sum"],"types":["integer","integer","decimal"],"rows":[[2,1,"3.50"]]}}`},
		{"postgresql", "public.series", []any{2}, nil, abi.OK, `{"sets":[{"columns":["i","t"],"types":["integer","text"],"rows":[[1,"x1"],[2,"x2"]]}],"out":null}`},
		{"postgresql", "Twice", []any{2, nil, nil}, []string{"in", "out", "out"}, abi.OK, `{"sets":[],"out":{"columns":["b","c"],"types":["integer","text"],"rows":[[4,"y"]]}}`},
		{"mysql", "test.swap", []any{1, 2, nil}, []string{"inout", "inout", "out"}, abi.OK, `{"sets":[],"out":{"columns":["@serai_0","@serai_1","@serai_2"],"types":["integer","integer","decimal"],"rows":[[2,1,"3.50"]]}}`},
		{"mysql", "test.several", []any{7}, nil, abi.OK, `{"sets":[{"columns":["i"],"types":["integer"],"rows":[[7]]},{"columns":["x"],"types":["text"],"rows":[["a"],["b"]]}],"out":null}`},
		{"mysql", "test.many", nil, nil, abi.OK, `[999],[1000],[1001]`},
		{"", "no_such", nil, nil, abi.Remote, ""},
		{"", "swap(); DROP TABLE x", nil, nil, abi.Invalid, ""},
		{"", "swap", []any{1}, []string{"in", "in"}, abi.Invalid, ""},
		{"", "swap", []any{1}, []string{"up"}, abi.Invalid, ""},
		{"sqlite", "swap", nil, nil, abi.Unsupported, ""},
	} {
		if c.engine != engine && (c.engine != "" || engine == "sqlite") {
			continue
		}
		r, err := d.do(t.Context(), "a", "sql.call", object{"procedure": c.name, "parameters": c.params, "ways": c.ways})
		if host.CodeOf(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		} else if err == nil && !strings.Contains(string(r.Body), c.want) {
			t.Errorf("%s: %s, want %s", c.name, r.Body, c.want)
		}
	}
}
