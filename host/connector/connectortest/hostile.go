package connectortest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Stub is a server that is no such system: a function talks to whoever
// connects. It ends with the test.
type Stub struct {
	l     net.Listener
	count atomic.Int64
	work  sync.WaitGroup
}

// StartStub starts a stub; talk ends when the connection does.
func StartStub(t testing.TB, talk func(net.Conn)) *Stub {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Stub{l: l}
	var mu sync.Mutex
	var conns []net.Conn
	s.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.count.Add(1)
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			s.work.Go(func() {
				talk(c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		s.work.Wait()
	})
	return s
}

// Addr is the address of the stub.
func (s *Stub) Addr() string { return s.l.Addr().String() }

// visitors returns how many have connected, all that have by now.
func (s *Stub) visitors(t *testing.T) int64 {
	t.Helper()
	// One more comes after all others, which the system keeps in order.
	before := s.count.Load()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for deadline := time.Now().Add(patience); s.count.Load() == before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the stub does not answer")
		}
	}
	s.count.Add(-1)
	return s.count.Load()
}

// silent says nothing.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// echo says what it hears, secrets too.
func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// web takes everybody for a browser.
func web(c net.Conn) {
	_, _ = c.Read(make([]byte, 1))
	_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

// flooding bounds what a stub of flood says, and what a connector may keep of it.
const flooding = 128 << 20

// flood says the same byte until nobody listens.
func flood(b byte) func(net.Conn) {
	return func(c net.Conn) {
		go silent(c)
		block := bytes.Repeat([]byte{b}, 64<<10)
		for range flooding / len(block) {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}
}

// strangers are servers that nobody should be hurt by.
var strangers = []struct {
	name string
	talk func(net.Conn)
}{
	{"echo", echo},
	{"web", web},
	{"hangs up", func(net.Conn) {}},
	{"zeros", flood(0)},
	{"letters", flood('x')},
	{"high", flood(0xff)},
	{"lines", flood('\n')},
}

// eachStranger opens a connection to each of the strangers by a function that
// returns what came of it: an error, soon, without much memory.
func eachStranger(t *testing.T, known []string, try func(t *testing.T, ctx context.Context, addr string) error) {
	t.Helper()
	for _, s := range strangers {
		if slices.Contains(known, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			addr := StartStub(t, s.talk).Addr()
			stop := watchHeap(t)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			if err := try(t, ctx, addr); err == nil {
				t.Error("it is taken for the system")
			}
			if took := time.Since(began); took > patience {
				t.Errorf("it took %s", took)
			}
			if most := stop(); most > flooding/2 {
				t.Errorf("it took %s of memory", fmt.Sprintf("%d MiB", most>>20))
			}
		})
	}
}

// watchHeap returns a function that returns by how much the heap had grown at
// most since.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	runtime.GC()
	var start runtime.MemStats
	runtime.ReadMemStats(&start)
	var most atomic.Uint64
	look := func() {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if now.HeapAlloc > start.HeapAlloc {
			most.Store(max(most.Load(), now.HeapAlloc-start.HeapAlloc))
		}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
				look()
			}
		}
	}()
	var once sync.Once
	stop := func() { once.Do(func() { close(done); <-ended; look() }) }
	t.Cleanup(stop)
	return func() uint64 { stop(); return most.Load() }
}
