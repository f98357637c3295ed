package hosttest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// rows is how many the test reads; `just rows` reads a million.
var rows = flag.Int("rows", 60_000, "how many rows a service reads from PostgreSQL")

// rowsService reads rows of about 1 KiB one after the other, and keeps none.
const rowsService = `
from serai import Service

class Rows(Service):
    def handle(self):
        n = total = 0
        wanted = self.request.payload['rows']
        for row in self.out.sql['Big'].execute("SELECT i, i * 1.5 AS amount, repeat('x', 1000) AS note FROM generate_series(1, :n) i", {'n': wanted}):
            n += 1
            total += row.i
            assert len(row.note) == 1000
        self.response.payload = {'rows': n, 'sum': total}
`

// Memory that is enough however many rows there are: far less than they take.
const (
	rowsGuest = 48 << 20
	rowsHost  = 64 << 20
)

// TestRowsInBoundedMemory has a service read more than its memory holds.
func TestRowsInBoundedMemory(t *testing.T) {
	port := connectortest.PostgreSQL(t)
	h := hosttest.Start(t, nil)
	_, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "Big", client.Connection{
		Type: "sql", AllowNetworks: []string{"127.0.0.0/8"},
		Config: fmt.Appendf(nil, `{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test"}`, port),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := limits("POST /rows", func(l *client.Limits) {
		memory, long := host.Bytes(rowsGuest), host.Duration(10*time.Minute)
		l.Memory, l.Timeout, l.CPU = &memory, &long, &long
	})
	s.Grants = &host.Grants{Connections: []string{"Big"}}
	h.Deploy("rows", hosttest.Python(rowsService), s)
	h.Call("POST", "/rows", `{"rows": 2000}`) // for pools and caches
	before, most := heap(), uint64(0)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				most = max(most, heap())
			}
		}
	}()
	began := time.Now()
	r := h.Call("POST", "/rows", fmt.Sprintf(`{"rows": %d}`, *rows))
	took := time.Since(began)
	close(done)
	<-watched
	var got struct{ Rows, Sum int }
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil || got.Rows != *rows || got.Sum != *rows*(*rows+1)/2 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	grown := max(most, before) - before
	t.Logf("%d rows of 1 KiB in %s, %.0f a second; a service of %d MiB, and %.1f MiB of heap in the host", *rows, took.Round(time.Millisecond),
		float64(*rows)/took.Seconds(), rowsGuest>>20, float64(grown)/(1<<20))
	if grown > rowsHost {
		t.Errorf("the heap of the host grew by %d MiB, at most %d", grown>>20, rowsHost>>20)
	}
}

// heap returns what the heap holds, with what has not been swept yet.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
