package sqldb

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// TestAliveIsKnownAtOnce looks at a connection that somebody reads from, as the
// driver does for as long as nothing comes after a write that took long, and at
// one that the server has closed.
func TestAliveIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	server := connectortest.StartPostgreSQL(t, "")
	var dialer net.Dialer
	p, err := openPostgres(Config{Host: "127.0.0.1", Port: server.Port, Database: "postgres", Username: "test", PoolSize: 1, Prepare: true},
		connector.Env{Dial: dialer.DialContext})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	lent, err := p.lend(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	l, _ := lent.(*postgresLane)
	go l.conn.PgConn().Conn().Read(make([]byte, 4096)) // until the server ends
	known := make(chan bool)
	look := func() bool {
		go func() { known <- l.there(ctx) }()
		select {
		case alive := <-known:
			return alive
		case <-ctx.Done():
			t.Fatal("it is waited for")
			return false
		}
	}
	for range 100 { // the reader begins at some time
		if !look() {
			t.Fatal("a connection that is there is not seen")
		}
		time.Sleep(time.Millisecond)
	}
	server.Stop()
	for look() { // until the end has arrived
		time.Sleep(time.Millisecond)
	}
	l.release(false)
}
