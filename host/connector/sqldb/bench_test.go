package sqldb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/pool"
	"github.com/seraihost/serai/host/connector/sqldb"
)

// BenchmarkOneRow reads a row by its key, through the connector and with the
// plain client. cpu-µs/op is what this process works for it, without the
// server and without waiting.
func BenchmarkOneRow(b *testing.B) {
	port := connectortest.PostgreSQL(b)
	plain, err := pgxpool.New(b.Context(), fmt.Sprintf("postgres://test@127.0.0.1:%d/postgres?pool_max_conns=4", port))
	if err != nil {
		b.Fatal(err)
	}
	defer plain.Close()
	for _, s := range []string{
		"CREATE TABLE orders (id integer PRIMARY KEY, customer text, amount numeric(12, 2), created timestamptz, paid boolean)",
		"INSERT INTO orders SELECT n, 'customer ' || n, n * 1.25, now() - n * interval '1 minute', n % 2 = 0 FROM generate_series(1, 10000) n",
		"VACUUM ANALYZE orders",
	} {
		if _, err := plain.Exec(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("plain", func(b *testing.B) {
		measured(b, func(i int) error {
			var id int
			var customer string
			var amount pgtype.Numeric
			var created time.Time
			var paid bool
			return plain.QueryRow(b.Context(), "SELECT id, customer, amount, created, paid FROM orders WHERE id = $1", 1+i%10_000).
				Scan(&id, &customer, &amount, &created, &paid)
		})
	})
	p := pool.New(catalogue{fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test", "pool_size": 4}`, port)},
		b.TempDir(), slog.New(slog.DiscardHandler), sqldb.Connector())
	defer p.Close()
	ops := connector.NewRegistry(p.Ops()...)
	b.Run("connector", func(b *testing.B) {
		scope := connector.Scope{Tenant: "a", Service: "s", CID: "c", Grants: host.Grants{Connections: []string{"DB"}}}
		ctx, end := context.WithTimeout(b.Context(), 30*time.Second) // as a call has
		defer end()
		measured(b, func(i int) error {
			id := strconv.Itoa(1 + i%10_000)
			r, err := ops.Do(ctx, &connector.Request{
				Scope:    scope,
				Envelope: abi.Envelope{{Name: abi.FieldOp, Value: "sql.execute"}, {Name: abi.FieldConnection, Value: "DB"}},
				Body:     []byte(`{"statement": "SELECT id, customer, amount, created, paid FROM orders WHERE id = :id", "parameters": {"id": ` + id + `}}`),
			})
			if err == nil && !strings.Contains(string(r.Body), `"rows":[[`+id+`,`) {
				err = fmt.Errorf("row %s is %s", id, r.Body)
			}
			if err == nil && i == 0 && !json.Valid(r.Body) {
				err = fmt.Errorf("no JSON: %s", r.Body)
			}
			return err
		})
	})
}

// measured does it b.N times and reports the processor time of each.
func measured(b *testing.B, do func(i int) error) {
	b.Helper()
	for i := range 10 { // for pools and caches
		if err := do(i); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	before := processorTime(b)
	for i := 0; b.Loop(); i++ {
		if err := do(i); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
