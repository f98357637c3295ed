package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/egress"
	"github.com/seraihost/serai/host/connector/pool"
	"github.com/seraihost/serai/host/connector/sqldb"
)

// guardedConfig is that of a connection to an engine without a real server.
func guardedConfig(engine, addr string) string {
	h, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf(`{"engine": %q, "host": %q, "port": %s, "database": "d", "username": "u", "password": "${secret:key}"}`, engine, h, port)
}

const guardedPassword = "a-password-that-nobody-sees"

// guardedPatience is a second, on a machine with better things to do.
const guardedPatience = 10 * time.Second

// openGuarded opens a connection without the pool.
func openGuarded(ctx context.Context, engine, addr string, allow ...string) (connector.Conn, error) {
	networks, err := egress.ParseNetworks(allow)
	if err != nil {
		return nil, err
	}
	env := connector.Env{Tenant: "t", Name: "DB", Dial: egress.NewDialer(egress.Policy{Allow: networks}).DialContext, Log: slog.New(slog.DiscardHandler)}
	return sqldb.Connector().Open(ctx, []byte(guardedConfig(engine, addr)), func(string) (string, error) { return guardedPassword, nil }, env)
}

// settled waits until there are no more goroutines than before.
func settled(t *testing.T) func() {
	t.Helper()
	before := runtime.NumGoroutine()
	return func() {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<20)
				t.Fatalf("%d goroutines are left of %d:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			}
		}
	}
}

// TestGuardedEnginesFailWell opens connections to what is no database, or not
// allowed. There is no server of these engines to be had.
func TestGuardedEnginesFailWell(t *testing.T) {
	for _, engine := range []string{"mssql", "oracle"} {
		for name, talk := range map[string]func(net.Conn){
			"silent":   func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<16)); _, _ = c.Read(make([]byte, 1)) },
			"hangs up": func(net.Conn) {},
			"echo":     func(c net.Conn) { b := make([]byte, 4096); n, _ := c.Read(b); _, _ = c.Write(b[:n]) },
			"web": func(c net.Conn) {
				_, _ = c.Read(make([]byte, 1))
				_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			},
			"zeros":   flooding(0),
			"letters": flooding('x'),
			"high":    flooding(0xff),
		} {
			t.Run(engine+" "+name, func(t *testing.T) {
				stub := connectortest.StartStub(t, talk)
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				began := time.Now()
				conn, err := openGuarded(ctx, engine, stub.Addr(), "127.0.0.0/8")
				if err == nil {
					_ = conn.Close()
					t.Fatal("it is taken for the database")
				}
				if took := time.Since(began); took > guardedPatience {
					t.Errorf("it took %s", took)
				}
				if strings.Contains(err.Error(), guardedPassword) {
					t.Errorf("the password is told: %v", err)
				}
			})
		}
		t.Run(engine+" refused", func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			_ = l.Close()
			if _, err := openGuarded(t.Context(), engine, addr, "127.0.0.0/8"); err == nil || !strings.Contains(err.Error(), connector.ErrNotConnected.Error()) {
				t.Errorf("a port where nobody listens: %v", err)
			}
		})
		t.Run(engine+" denied", func(t *testing.T) {
			stub := connectortest.StartStub(t, func(net.Conn) { t.Error("it was dialled") })
			for _, addr := range []string{stub.Addr(), strings.Replace(stub.Addr(), "127.0.0.1", "localhost", 1)} {
				if _, err := openGuarded(t.Context(), engine, addr, "10.0.0.0/8"); !errors.Is(err, egress.ErrDenied) {
					t.Errorf("%s, which is not allowed: %v", addr, err)
				}
			}
		})
		t.Run(engine+" cancelled", func(t *testing.T) {
			heard := make(chan struct{})
			stub := connectortest.StartStub(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 1))
				close(heard)
				_, _ = c.Read(make([]byte, 1<<16))
				_, _ = c.Read(make([]byte, 1<<16))
			})
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error, 1)
			go func() {
				_, err := openGuarded(ctx, engine, stub.Addr(), "127.0.0.0/8")
				failed <- err
			}()
			<-heard
			began := time.Now()
			cancel()
			if err := <-failed; err == nil {
				t.Error("it is taken for the database")
			}
			if took := time.Since(began); took > guardedPatience {
				t.Errorf("it took %s to give up", took)
			}
		})
	}
}

// flooding says the same byte until nobody listens.
func flooding(b byte) func(net.Conn) {
	return func(c net.Conn) {
		go func() {
			for b := make([]byte, 4096); ; {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}()
		block := []byte(strings.Repeat(string([]byte{b}), 1<<16))
		for range 1 << 10 {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}
}

// TestSQLServerProtocol has the driver talk to a peer that speaks its protocol.
func TestSQLServerProtocol(t *testing.T) {
	asked := make(chan string, 100)
	answers := has(map[string][]byte{
		"FROM everything": append(tdsRows(2, values()...), tdsDone(0)...),
		"UPDATE":          changed(7),
		"duplicate":       tdsError(2627, "Violation of UNIQUE KEY constraint"),
		"wrong":           tdsError(102, "Incorrect syntax near 'wrong'."),
		"down":            tdsError(6005, "SHUTDOWN is in progress."),
		"sys.parameters": append(tdsRows(1, column{"a", append([]byte{0xe7, 100, 0}, collation...), append([]byte{6, 0}, wide("sum")...)},
			column{"b", append([]byte{0xe7, 100, 0}, collation...), append([]byte{14, 0}, wide("decimal")...)},
			column{"c", []byte{0x26, 4}, []byte{4, 9, 0, 0, 0}}, column{"d", []byte{0x26, 4}, []byte{4, 10, 0, 0, 0}}, column{"e", []byte{0x26, 4}, []byte{4, 2, 0, 0, 0}}), tdsDone(0)...),
		"EXEC dbo.add": append(append(append(tdsRows(1, column{"x", []byte{0x26, 4}, []byte{4, 1, 0, 0, 0}}), tdsDone(1)...),
			tdsRows(1, column{"sum", []byte{0x26, 4}, []byte{4, 5, 0, 0, 0}})...), tdsDone(0)...),
	})
	stub := startTDS(t, func(statement string) []byte {
		if !strings.Contains(statement, "select 1") {
			asked <- statement
		}
		return answers(statement)
	})
	d := newDatabase(t, guardedConfig("mssql", stub.Addr()))
	ctx := t.Context()
	types, all := rows(t, d.must(ctx, "SELECT * FROM everything WHERE a = :a AND [b:c] = :b AND d = :a", object{"a": 1, "b": "x"}))
	if got, want := strings.Join(types, " "), "integer text decimal decimal boolean uuid datetime bytes float integer"; got != want {
		t.Errorf("types are %s, want %s", got, want)
	}
	if got := fmt.Sprint(all[1]); len(all) != 2 || !strings.HasPrefix(got, "[9007199254740993 it's  12.3456 1.2345 true 00010203-0405-0607-0809-0a0b0c0d0e0f 20") || !strings.HasSuffix(got, " AAH/ 0.1 <nil>]") {
		t.Errorf("values are %s", got)
	}
	if got := <-asked; !strings.Contains(got, "a = @p1 AND [b:c] = @p2 AND d = @p1") {
		t.Errorf("the server was asked %q", got)
	}
	if r := d.must(ctx, "UPDATE t SET a = 1", nil); r.Envelope.Get("affected") != "7" {
		t.Errorf("affected: %v", r.Envelope)
	}
	for statement, code := range map[string]abi.Code{"INSERT INTO duplicate VALUES (1)": abi.Conflict, "wrong": abi.Remote, "SELECT down": abi.Unavailable} {
		if _, err := d.do(ctx, "a", "sql.execute", object{"statement": statement}); host.CodeOf(err) != code {
			t.Errorf("%s: %v", statement, err)
		}
	}
	r, err := d.do(ctx, "a", "sql.call", object{"procedure": "dbo.add", "parameters": []any{nil}, "ways": []string{"out"}})
	if want := `{"sets":[{"columns":["x"],"types":["integer"],"rows":[[1]]}],"out":{"columns":["sum"],"types":["integer"],"rows":[[5]]}}`; err != nil || string(r.Body) != want {
		t.Errorf("a procedure: %v %v, want %s", r, err, want)
	}
	for got := range asked {
		if strings.Contains(got, "EXEC dbo.add") {
			if want := "DECLARE @serai_0 decimal(10, 2); EXEC dbo.add @serai_0 OUTPUT; SELECT @serai_0 AS [sum]"; !strings.Contains(got, want) {
				t.Errorf("the server was asked %q, want %s", got, want)
			}
			break
		}
	}
}

// TestSQLServerFallsSilent has the peer say nothing, or stop within rows.
func TestSQLServerFallsSilent(t *testing.T) {
	for name, answer := range map[string][]byte{"at once": nil, "within rows": append([]byte{unfinished}, tdsRows(3000, values()...)...), "breaks off": tdsRows(3000, values()...)} {
		t.Run(name, func(t *testing.T) {
			stub := startTDS(t, func(statement string) []byte {
				if strings.Contains(statement, "select 1") {
					return tdsDone(0)
				}
				return answer
			})
			ended := settled(t)
			p := pool.New(catalogue{guardedConfig("mssql", stub.Addr())}, t.TempDir(), slog.New(slog.DiscardHandler), sqldb.Connector())
			d := &database{t, connector.NewRegistry(p.Ops()...)}
			d.must(t.Context(), "select 1", nil) // it is open
			for range 3 {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(50*time.Millisecond, cancel)
				began := time.Now()
				r, err := d.do(ctx, "a", "sql.execute", object{"statement": "SELECT * FROM slow"})
				for err == nil && r.Envelope.Get("cursor") != "" {
					r, err = d.do(ctx, "a", "sql.next", nil, "cursor", r.Envelope.Get("cursor"))
				}
				if err == nil {
					t.Error("it answered")
				}
				if took := time.Since(began); took > guardedPatience {
					t.Errorf("it took %s", took)
				}
				cancel()
			}
			d.must(t.Context(), "select 1", nil)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			ended()
		})
	}
}
