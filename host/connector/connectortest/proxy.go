package connectortest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy passes bytes on to a server until it cuts its connections.
type Proxy struct {
	to string
	l  net.Listener
	// cutAfter is how many more bytes the server may answer before the
	// connection is cut; negative is any number.
	cutAfter atomic.Int64
	opened   atomic.Int64
	active   atomic.Int64
	answered atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
	work  sync.WaitGroup
}

// StartProxy returns a proxy in front of an address. It ends with the test.
func StartProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{to: to, l: l}
	p.cutAfter.Store(-1)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
		p.work.Wait()
	})
	return p
}

// Addr is the address of the proxy.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// CutAfter cuts the connections once the server has answered n more bytes.
func (p *Proxy) CutAfter(n int64) { p.cutAfter.Store(n) }

// Opened is how many connections there have been.
func (p *Proxy) Opened() int64 { return p.opened.Load() }

// Active is how many connections there are.
func (p *Proxy) Active() int64 { return p.active.Load() }

// Answered is how many bytes the server has answered.
func (p *Proxy) Answered() int64 { return p.answered.Load() }

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		p.opened.Add(1)
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.active.Add(1)
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.work.Go(func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		})
		p.work.Go(func() {
			defer p.active.Add(-1)
			p.answer(client, server)
			_ = client.Close()
		})
	}
}

func (p *Proxy) answer(client, server net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := server.Read(buf)
		p.answered.Add(int64(n))
		if left := p.cutAfter.Load(); left >= 0 {
			if int64(n) > left {
				_, _ = client.Write(buf[:left])
				p.cutAfter.Store(-1)
				p.Cut()
				return
			}
			p.cutAfter.Store(left - int64(n))
		}
		if n > 0 {
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
