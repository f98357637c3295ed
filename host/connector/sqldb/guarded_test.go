package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// rogue is a library that does what it is told to, over a socket to nobody.
type rogue struct {
	driver.Conn
	socket net.Conn
	what   string
}

func (r *rogue) Close() error { return r.socket.Close() }

func (r *rogue) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	r.what = query
	return &rogueStmt{conn: r}, nil
}

type rogueStmt struct {
	driver.Stmt
	conn *rogue
}

func (s *rogueStmt) Close() error  { return nil }
func (s *rogueStmt) NumInput() int { return -1 }

func (s *rogueStmt) ExecContext(ctx context.Context, _ []driver.NamedValue) (driver.Result, error) {
	switch s.conn.what {
	case "panics":
		panic("it has lost its way")
	case "hangs": // whatever its context says
		_, err := s.conn.socket.Read(make([]byte, 1))
		return nil, err
	case "breaks":
		_, _ = s.conn.socket.Write([]byte("INSERT"))
		return nil, driver.ErrBadConn
	case "floods":
		for b := make([]byte, 1<<16); ; {
			if _, err := s.conn.socket.Read(b); err != nil {
				return nil, err
			}
		}
	}
	if ctx.Done() != nil {
		return nil, errors.New("it sees that contexts end")
	}
	return driver.RowsAffected(1), nil
}

// endless says the same for ever, once somebody asks for it, and hears all.
type endless struct {
	net.Conn
	heard  chan []byte
	closed chan struct{}
	flood  bool
}

func (e *endless) Read(b []byte) (int, error) {
	if e.flood {
		return len(b), nil
	}
	<-e.closed
	return 0, net.ErrClosed
}

func (e *endless) Write(b []byte) (int, error) {
	e.heard <- b
	return len(b), nil
}

func (e *endless) Close() error {
	select {
	case <-e.closed:
	default:
		close(e.closed)
	}
	return nil
}

// TestGuarded wants a library that goes wrong to cost its connection only.
func TestGuarded(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]error{"panics": io.ErrUnexpectedEOF, "hangs": context.DeadlineExceeded, "breaks": io.ErrUnexpectedEOF, "floods": errFlooded} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			heard := make(chan []byte, 10)
			dialled := 0
			g := &guarded{
				dial: func(context.Context, string, string) (net.Conn, error) {
					dialled++
					return &endless{heard: heard, closed: make(chan struct{}), flood: what == "floods"}, nil
				},
				connect: func(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error)) (driver.Conn, error) {
					s, err := dial(ctx, "tcp", "nobody:1")
					return &rogue{socket: s}, err
				},
			}
			db := sql.OpenDB(g)
			defer db.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if what == "hangs" {
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			}
			defer cancel()
			if _, err := db.ExecContext(ctx, what); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			if len(heard) > 1 {
				t.Errorf("it was tried %d times", len(heard))
			}
			if _, err := db.ExecContext(t.Context(), "works"); err != nil || dialled != 2 {
				t.Errorf("afterwards: %v, %d connections", err, dialled)
			}
		})
	}
}

// TestPlaceholders has statements with names, and quotes that hide some.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ engine, statement, want, names string }{
		{mssqlName, "SELECT :a, [x:b]]:c], ':d', :e, geo::Point, #t, :a", "SELECT @p1, [x:b]]:c], ':d', @p2, geo::Point, #t, @p1", "a e"},
		{oracleName, "SELECT :a, q'[it's :b]', nq'!:c!', :date, :a FROM dual -- :d", "SELECT :1, q'[it's :b]', nq'!:c!', :2, :3 FROM dual -- :d", "a date a"},
		{oracleName, "BEGIN x := :a; y := q'<:b>'; END;", "BEGIN x := :1; y := q'<:b>'; END;", "a"},
		{oracleName, "SELECT q'[:a", "SELECT q'[:a", ""},
	} {
		d := &Database{engine: c.engine}
		got := d.parse(c.statement, true)
		names := ""
		for i, n := range got.names {
			if i > 0 {
				names += " "
			}
			names += n
		}
		if got.text != c.want || names != c.names {
			t.Errorf("%s: %s %q, want %s %q", c.statement, got.text, names, c.want, c.names)
		}
	}
}

// TestDeclarations has the types of SQL Server's parameters.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]mssqlParameter{
		"nvarchar(20)": {Type: "nvarchar", Length: 40}, "nvarchar(max)": {Type: "nvarchar", Length: -1}, "varbinary(8)": {Type: "varbinary", Length: 8},
		"decimal(10, 2)": {Type: "decimal", Length: 9, Precision: 10, Scale: 2}, "datetime2(7)": {Type: "datetime2", Scale: 7}, "int": {Type: "int", Length: 4},
	} {
		if got := p.text(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
