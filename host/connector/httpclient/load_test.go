package httpclient

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// TestManyWait sees that calls which wait for a slow system hold no threads.
func TestManyWait(t *testing.T) {
	const calls = 1000
	r := newRig(t)
	var arrived sync.WaitGroup
	arrived.Add(calls)
	answer := make(chan struct{})
	r.serve("", `,"timeout":"60s","retries":{"max":0}`, func(http.ResponseWriter, *http.Request) {
		arrived.Done()
		<-answer
	})
	before := pprof.Lookup("threadcreate").Count()
	var done sync.WaitGroup
	var mu sync.Mutex
	failed := map[string]int{}
	for range calls {
		done.Go(func() {
			if _, err := r.do(t.Context(), "x", "method", "POST"); err != nil {
				arrived.Done()
				mu.Lock()
				defer mu.Unlock()
				failed[err.Error()]++
			}
		})
	}
	arrived.Wait()
	threads := pprof.Lookup("threadcreate").Count() - before
	close(answer)
	done.Wait()
	if len(failed) > 0 {
		t.Errorf("calls failed: %v", failed)
	}
	if threads > 50 {
		t.Errorf("%d waiting calls made %d threads", calls, threads)
	}
	t.Logf("%d waiting calls made %d threads", calls, threads)
}

func BenchmarkRequest(b *testing.B) {
	reply := []byte(`{"UserType":"RGV","AccountNumber":"123456"}`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply)
	}))
	defer srv.Close()

	b.Run("serai", func(b *testing.B) {
		r := newRig(b)
		r.connect(srv.URL+"/get-user/{id}", `,"auth":{"type":"bearer","token":"${secret:K}"}`)
		op := r.client.Ops()[0]
		req := &connector.Request{
			Scope: connector.Scope{Tenant: "a", CID: "cid-1", Grants: host.Grants{Connections: []string{"S"}}},
			Envelope: abi.Envelope{
				{Name: abi.FieldOp, Value: abi.OpHTTPRequest},
				{Name: abi.FieldConnection, Value: "S"},
				{Name: "param.id", Value: "7"},
				{Name: "param.UserName", Value: "my.user"},
				{Name: "header.accept", Value: "*/*"},
			},
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := op.Do(b.Context(), req); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("net-http", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{}}
		b.ReportAllocs()
		for b.Loop() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, srv.URL+"/get-user/7?UserName=my.user", nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer k")
			req.Header.Set("Accept", "*/*")
			resp, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}

// TestPayloadIsReleased sees that nothing reads the guest's memory after the
// operation returned, though the transport may still be sending.
func TestPayloadIsReleased(t *testing.T) {
	p := &payload{data: []byte("secret of the guest")}
	body, err := p.reader()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if n, err := body.Read(b); n != 6 || err != nil {
		t.Fatalf("read %d, %v", n, err)
	}
	p.release()
	if n, err := body.Read(b); n != 0 || err == nil {
		t.Errorf("read %d after release, %v", n, err)
	}
	if _, err := p.reader(); err == nil {
		t.Error("a released payload is sent again")
	}

	r := newRig(t)
	r.raw(`,"retries":{"max":0}`, func(c net.Conn) { // answers before it has read the body
		readSome(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		readSome(c)
	})
	guest := make([]byte, 8<<20)
	for range 5 {
		_, _ = r.do(t.Context(), string(guest), "method", "POST")
	}
}
