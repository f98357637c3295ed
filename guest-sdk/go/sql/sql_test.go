package sql_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/seraitest"
	db "github.com/seraihost/serai/guest-sdk/go/sql"
)

// database answers with the bodies given, one after the other, and keeps what it was asked.
func database(t *testing.T, bodies ...string) (asked *[]string) {
	t.Helper()
	h := seraitest.New(t)
	asked = new([]string)
	for _, op := range []string{"sql.execute", "sql.next", "sql.close", "sql.begin", "sql.commit", "sql.rollback"} {
		h.Operations[op] = func(e abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
			*asked = append(*asked, strings.TrimSpace(strings.Join([]string{op[len("sql."):], e.Get("transaction"), e.Get("cursor"), string(body)}, " ")))
			if op == "sql.begin" {
				return abi.Envelope{{Name: "transaction", Value: "t1"}}, nil, nil
			}
			if len(bodies) == 0 || op != "sql.execute" && op != "sql.next" {
				return abi.Envelope{{Name: "affected", Value: "3"}}, nil, nil
			}
			next := bodies[0]
			bodies = bodies[1:]
			var reply abi.Envelope
			if next, more := strings.CutSuffix(next, "…"); more {
				return append(reply, abi.Field{Name: "cursor", Value: "c1"}), []byte(next), nil
			}
			return reply, []byte(next), nil
		}
	}
	return asked
}

func TestQuery(t *testing.T) {
	const head = `{"columns":["id","a],\"rows\":["],"types":["integer","text"],"rows":[`
	asked := database(t, head+`[1,"a"],[-2,null]]}…`, head+`]}…`, head+`[3,"\u00fc,\"]}"]]}`)
	rows, err := db.Open("Orders").Query("SELECT id, note FROM orders WHERE id < :most", sql.Named("most", 9))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	type row struct {
		ID   int
		Note sql.NullString
	}
	var got []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.ID, &r.Note); err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	want := []row{{1, sql.NullString{String: "a", Valid: true}}, {ID: -2}, {3, sql.NullString{String: `ü,"]}`, Valid: true}}}
	if diff := cmp.Diff(want, got); rows.Err() != nil || diff != "" {
		t.Error(rows.Err(), diff)
	}
	names, _ := rows.Columns()
	if diff := cmp.Diff([]string{`execute   {"statement":"SELECT id, note FROM orders WHERE id < :most","parameters":{"most":9}}`, "next  c1", "next  c1"}, *asked); diff != "" || len(names) != 0 && names[1] != `a],"rows":[` {
		t.Error(diff, names)
	}
}

// TestValues reads values of each kind, and those of a kind that they are not.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		kind, raw string
		want      any
	}{
		{"integer", "-7", int64(-7)},
		{"integer", "9223372036854775807", int64(1<<63 - 1)},
		{"integer", "18446744073709551615", "18446744073709551615"},
		{"integer", `"seven"`, "seven"},
		{"integer", "null", nil},
		{"float", "1.5", 1.5},
		{"float", "1e-3", 0.001},
		{"float", "3", int64(3)},
		{"decimal", `"1.50"`, "1.50"},
		{"decimal", "7", "7"},
		{"boolean", "true", true},
		{"boolean", "false", false},
		{"bytes", `"AP8="`, []byte{0, 255}},
		{"bytes", `"no base64"`, "no base64"},
		{"any", `{"type":"bytes","value":"AP8="}`, []byte{0, 255}},
		{"moment", `"2026-01-02T03:04:05.5+02:00"`, time.Date(2026, 1, 2, 1, 4, 5, 5e8, time.UTC)},
		{"datetime", `"2026-01-02T03:04:05"`, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"datetime", `"infinity"`, "infinity"},
		{"date", `"2026-01-02"`, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		{"date", `"0000-00-00"`, "0000-00-00"},
		{"time", `"03:04:05"`, "03:04:05"},
		{"json", `{"a":[1,"]"]}`, []byte(`{"a":[1,"]"]}`)},
		{"list:integer", "[[1],[null]]", []byte("[[1],[null]]")},
		{"text", `""`, ""},
		{"text", `"a\\b\n"`, "a\\b\n"},
	} {
		database(t, `{"columns":["v"],"types":["`+c.kind+`"],"rows":[[`+c.raw+`]]}`)
		var got any
		err := db.Open("D").QueryRow("S").Scan(&got)
		at, isTime := got.(time.Time)
		if isTime {
			got = at.UTC()
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s %s: %v %s", c.kind, c.raw, err, diff)
		}
	}
}

type shout string

func TestParameters(t *testing.T) {
	asked := database(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	result, err := db.Open("D").Exec("S", 7, uint8(7), 1.5, true, nil, `"é`, shout("a"), []byte{0, 255}, at, db.Decimal("1.50"), db.UUID("u"),
		json.RawMessage(`{"a":1}`), []int{1, 2}, [][]any{{"a", nil}, {}}, sql.NullString{}, (*int)(nil), []byte(nil))
	want := `execute   {"statement":"S","parameters":[7,7,1.5,true,null,"\"é","a",{"type":"bytes","value":"AP8="},` +
		`{"type":"datetime","value":"2026-01-02T03:04:05.000000006+01:00"},{"type":"decimal","value":"1.50"},{"type":"uuid","value":"u"},` +
		`{"type":"json","value":{"a":1}},{"type":"list","value":[1,2]},{"type":"list","value":[{"type":"list","value":["a",null]},{"type":"list","value":[]}]},null,null,null]}`
	if diff := cmp.Diff([]string{want}, *asked); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	if n, err := result.RowsAffected(); n != 3 || err != nil {
		t.Error(n, err)
	}
	if _, err := result.LastInsertId(); err == nil || !strings.Contains(err.Error(), "does not tell") {
		t.Error(err)
	}
	self := []any{nil}
	self[0] = self
	for what, args := range map[string][]any{
		"all named": {sql.Named("a", 1), 2}, "unsupported type": {map[string]int{}}, "not valid": {json.RawMessage("{")}, "deep": {self},
	} {
		*asked = nil
		if _, err := db.Open("D").Exec("S", args...); err == nil || !strings.Contains(err.Error(), what) || len(*asked) > 0 {
			t.Errorf("%s: %v, asked %v", what, err, *asked)
		}
	}
}

func TestTransactions(t *testing.T) {
	asked := database(t)
	orders := db.Open("D")
	work := func(end func(*sql.Tx) error) {
		tx, err := orders.Begin()
		if err != nil {
			t.Fatal(err)
		}
		s, err := tx.Prepare("U")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Exec(1); err != nil {
			t.Fatal(err)
		}
		if err := end(tx); err != nil {
			t.Error(err)
		}
		if err := end(tx); !errors.Is(err, sql.ErrTxDone) {
			t.Error(err)
		}
	}
	work((*sql.Tx).Commit)
	work((*sql.Tx).Rollback)
	if err := orders.Ping(); err != nil {
		t.Error(err)
	}
	one := `execute t1  {"statement":"U","parameters":[1]}`
	want := []string{"begin", one, "commit t1", "begin", one, "rollback t1", `execute   {"statement":"SELECT 1"}`}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Error(diff)
	}
	if _, err := orders.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable}); err == nil {
		t.Error("it has an isolation that nobody set")
	}
}

func TestFaults(t *testing.T) {
	for _, body := range []string{"{}", `{"columns":["a"],"types":[],"rows":[[1]]}`, `{"columns":["a"],"types":["text"],"rows":[[1,2]]}`, `{"columns":["a"],"types":["text"],"rows":[[1`, `{"columns":["a"],"types":["text"],"rows":[`, `{"columns":["a`} {
		database(t, body)
		var v any
		if err := db.Open("D").QueryRow("S").Scan(&v); err == nil {
			t.Errorf("%s is %v", body, v)
		}
	}
	h := seraitest.New(t)
	h.Operations["sql.execute"] = func(abi.Envelope, []byte) (abi.Envelope, []byte, error) {
		return nil, nil, serai.Errorf(abi.Denied, "no")
	}
	if err := db.Open("D").QueryRow("S").Err(); serai.CodeOf(err) != abi.Denied {
		t.Error(err)
	}
}
