package hosttest_test

import (
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/telemetry"
)

const sqlService = `
import datetime, decimal
from contextlib import closing

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, NoResultFound

from zato.server.service import Service

class Billing(Service):
    def handle(self):
        db = self.out.sql['Billing']
        db.execute('CREATE TABLE IF NOT EXISTS bill (id INTEGER PRIMARY KEY, who VARCHAR(20), amount DECIMAL(10,2), made TIMESTAMP)')
        db.conn.execute('DELETE FROM bill')
        made = datetime.datetime(2026, 11, 25, 10, 0, 0, 5)
        db.execute('INSERT INTO bill VALUES (:id, :who, :amount, :made)', [
            {'id': i, 'who': who, 'amount': decimal.Decimal('10.25') * i, 'made': made} for i, who in ((1, 'ada'), (2, "o'neil"))])
        row = db.one("SELECT * FROM bill WHERE who = :who", {'who': "o'neil"})
        assert (row.id, row['amount'], row.made) == (2, decimal.Decimal('20.5'), made), row
        assert db.one_or_none('SELECT * FROM bill WHERE id = :id', {'id': 7}) is None
        try:
            db.one('SELECT * FROM bill WHERE id = :id', {'id': 7})
        except NoResultFound:
            pass
        try:
            db.execute('INSERT INTO bill (id) VALUES (:id)', {'id': 1})
        except IntegrityError:
            pass
        with closing(db.session()) as session:
            session.execute(text('UPDATE bill SET who = :who'), {'who': 'nobody'})
            # not committed
        with db.session() as session:
            session.execute(text('INSERT INTO bill (id, who) VALUES (:id, :who)'), {'id': 3, 'who': 'eve'})
            session.commit()
        with db.session() as session, session.begin():
            with session.begin_nested():
                session.execute(text('UPDATE bill SET who = :who WHERE id = 3'), {'who': 'eva'})
            try:
                with session.begin_nested():
                    session.execute(text('DELETE FROM bill'))
                    raise LookupError()
            except LookupError:
                pass
            assert session.scalar(text('SELECT COUNT(*) FROM bill')) == 3
            assert session.execute(text('SELECT id FROM bill ORDER BY id')).scalars().all() == [1, 2, 3]
            assert session.execute(text('SELECT id, who FROM bill WHERE id = 3')).mappings().one() == {'id': 3, 'who': 'eva'}
            session.execute(text('UPDATE bill SET who = :who WHERE id = 3'), {'who': 'eve'})
            # The next statement does not disturb the rows of this one.
            many = 'WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 2500) SELECT n FROM s'
            rows = session.execute(text(many))
            assert next(iter(rows)).n == 1
            assert session.scalar(text('SELECT 7')) == 7
            assert sum(1 for _ in rows) == 2499
        for row in db.execute(many):  # more often than there are connections
            break
        for _ in range(15):
            for row in db.execute(many):
                break
            assert db.execute(many).first().n == 1
        self.response.payload = [dict(r.items()) for r in db.execute('SELECT id, who FROM bill ORDER BY id')]
`

func TestServicesUseDatabases(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	_, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "Billing", client.Connection{
		Type: "sql", Config: []byte(`{"engine": "sqlite", "database": "billing"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Operator.Ping(t.Context(), host.DefaultTenant, "Billing"); err != nil {
		t.Error(err)
	}
	s := hosttest.Routes("GET /bill")
	s.Grants = &host.Grants{Connections: []string{"Billing"}}
	h.Deploy("bill", hosttest.Python(sqlService), s)
	for range 2 {
		r := h.Call("GET", "/bill", "")
		if want := `[{"id": 1, "who": "ada"}, {"id": 2, "who": "o'neil"}, {"id": 3, "who": "eve"}]`; r.Status != 200 || r.Body != want {
			_ = h.Operator.Logs(t.Context(), host.DefaultTenant, client.LogQuery{Service: "bill"}, func(l telemetry.Record) error {
				if l.Failure != nil {
					t.Log(l.Failure.Traceback)
				}
				return nil
			})
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	s.Grants = &host.Grants{}
	h.Deploy("bill", hosttest.Python(sqlService), s)
	if r := h.Call("GET", "/bill", ""); r.Status != 500 {
		t.Errorf("without a grant: %d", r.Status)
	}
}
