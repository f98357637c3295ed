package hosttest_test

import (
	"fmt"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/telemetry"
)

// procedures makes procedures with the statements of its payload and calls them.
const procedures = `
import datetime, decimal

from serai import Service
from serai.sql import In, InOut, Out

class Procedures(Service):
    name = 'procedures'

    def handle(self):
        asked = self.request.payload
        db = self.out.sql['Books']
        for statement in asked['prepare']:
            db.execute(statement)

        # What goes in and comes out, with its types.
        total, fee = Out(), InOut(decimal.Decimal('2.50'))
        done = db.callproc(asked['settle'], [In('ada'), decimal.Decimal('10.25'), total, fee])
        assert (total.value, fee.value) == (decimal.Decimal('12.75'), decimal.Decimal('5.00')), (total.value, fee.value)
        assert done.out == [total.value, fee.value] and done.all() == [], (done.out, done.sets)

        # A value that is null, and one that is not told beforehand.
        total, fee = Out(), InOut(None)
        db.conn.callproc(asked['settle'], [None, 1, total, fee])
        assert (total.get(), fee.get()) == (None, None), (total.get(), fee.get())

        # Rows, of one set or several.
        listed = db.callproc(asked['listing'], [3])
        assert [(r.id, r['day']) for r in listed] == [(i, datetime.date(2026, 1, i)) for i in (1, 2, 3)], listed.all()
        assert len(listed) == 3 and listed[2].id == 3 and len(listed.sets) == asked['sets'], listed.sets
        if asked['sets'] > 1:
            assert [r.said for r in listed.sets[1]] == ['a', 'b'], listed.sets[1]
        assert len(db.callproc(asked['listing'], [2000])) == 2000  # more than a page

        try:
            db.callproc(asked['settle'] + '; DROP TABLE x')
        except Exception as exc:
            refused = str(exc)
        try:
            db.callproc('no_such_procedure', [1])
        except Exception as exc:
            missing = str(exc)
        self.response.payload = {'refused': 'is no name' in refused, 'missing': 'no_such_procedure' in missing}
`

// TestServicesCallProcedures has a service call procedures of real databases.
func TestServicesCallProcedures(t *testing.T) {
	t.Parallel()
	for engine, c := range map[string]struct {
		start  func(t testing.TB) int
		config string
		body   string
	}{
		"postgresql": {
			connectortest.PostgreSQL, `"engine": "postgresql", "database": "postgres", "username": "test"`, `{
				"prepare": [
					"CREATE PROCEDURE settle(who text, amount numeric, OUT total numeric, INOUT fee numeric) LANGUAGE plpgsql AS $$ BEGIN total := amount + fee; fee := fee * 2; END $$",
					"CREATE FUNCTION listing(n int) RETURNS TABLE (id int, day date) LANGUAGE sql AS $$ SELECT i, date '2026-01-01' + i - 1 FROM generate_series(1, n) i $$"
				],
				"settle": "settle", "listing": "public.listing", "sets": 1}`,
		},
		"mysql": {
			connectortest.MariaDB, `"engine": "mysql", "database": "mysql", "username": "root"`, `{
				"prepare": [
					"CREATE DATABASE books",
					"CREATE PROCEDURE books.settle(who TEXT, amount DECIMAL(10,2), OUT total DECIMAL(10,2), INOUT fee DECIMAL(10,2)) BEGIN SET total = amount + fee, fee = fee * 2; END",
					"CREATE PROCEDURE books.listing(n INT) BEGIN SELECT seq AS id, DATE('2026-01-01') + INTERVAL seq - 1 DAY AS day FROM seq_1_to_2500 WHERE seq <= n; SELECT 'a' AS said UNION ALL SELECT 'b'; END"
				],
				"settle": "books.settle", "listing": "books.listing", "sets": 2}`,
		},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			port := c.start(t)
			h := hosttest.Start(t, nil)
			_, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "Books", client.Connection{
				Type: "sql", Config: fmt.Appendf(nil, `{"host": "127.0.0.1", "port": %d, %s}`, port, c.config), AllowNetworks: []string{"127.0.0.0/8"},
			})
			if err != nil {
				t.Fatal(err)
			}
			s := hosttest.Routes("POST /procedures")
			s.Grants = &host.Grants{Connections: []string{"Books"}}
			h.Deploy("procedures", hosttest.Python(procedures), s)
			if r := h.Call("POST", "/procedures", c.body); r.Status != 200 || r.Body != `{"refused": true, "missing": true}` {
				_ = h.Operator.Logs(t.Context(), host.DefaultTenant, client.LogQuery{Service: "procedures"}, func(l telemetry.Record) error {
					if l.Failure != nil {
						t.Log(l.Failure.Message, l.Failure.Traceback)
					}
					return nil
				})
				t.Fatalf("%d %s", r.Status, r.Body)
			}
		})
	}
}
