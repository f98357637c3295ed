package sqldb

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// BenchmarkTurns has 32 calls at a time over 4 connections, each with 20
// statements. resets/op is how many resets a statement costs, longest-ms how
// long a call waited for a connection at most.
func BenchmarkTurns(b *testing.B) {
	const callers, statements = 32, 20
	port := connectortest.PostgreSQL(b)
	for _, c := range []struct {
		name  string
		pause time.Duration // between the statements of a call
	}{{"at once", 0}, {"with pauses", 5 * time.Millisecond}} {
		b.Run(c.name, func(b *testing.B) {
			var resets atomic.Int64
			p, err := openPostgres(Config{Host: "127.0.0.1", Port: port, Database: "postgres", Username: "test", PoolSize: 4, Prepare: true},
				connector.Env{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, network, address)
					return countedConn{c, &resets}, err
				}})
			if err != nil {
				b.Fatal(err)
			}
			defer p.close()
			texts := Database{engine: postgresql}
			s := texts.parse("SELECT 1", false)
			var done, number, longest atomic.Int64
			one := func() {
				ctx, end := context.WithCancel(b.Context())
				defer end()
				me := caller(number.Add(1))
				for range statements {
					began := time.Now()
					l, err := p.lend(ctx, me)
					if err != nil {
						b.Error(err)
						return
					}
					for waited := time.Since(began).Milliseconds(); waited > longest.Load(); {
						longest.Store(waited)
					}
					if _, err := l.exec(ctx, s, nil); err != nil {
						b.Error(err)
					}
					l.release(false)
					done.Add(1)
					if c.pause > 0 {
						time.Sleep(c.pause)
					}
				}
			}
			for b.Loop() {
				var running sync.WaitGroup
				for range callers {
					running.Go(one)
				}
				running.Wait()
			}
			b.ReportMetric(float64(resets.Load())/float64(done.Load()), "resets/op")
			b.ReportMetric(float64(longest.Load()), "longest-ms")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(done.Load()), "µs/statement")
		})
	}
}

// countedConn counts the resets that are sent.
type countedConn struct {
	net.Conn
	resets *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("CLOSE ALL")) {
		c.resets.Add(1)
	}
	return c.Conn.Write(p)
}
