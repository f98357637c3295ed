package redisdb

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
)

const ping = "*1\r\n$4\r\nPING\r\n"

// piped returns a pipe and the server's end of it.
func piped(t *testing.T, timeout time.Duration) (*pipe, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	p := newPipe(near, timeout)
	t.Cleanup(func() { p.end(net.ErrClosed); _ = far.Close() })
	return p, far
}

// hear reads a request at the server's end.
func hear(t *testing.T, far io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != want {
		t.Errorf("the server hears %q: %v", got, err)
	}
}

func say(t *testing.T, far io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(far, text); err != nil {
		t.Error(err)
	}
}

// TestCallsShareASocket has calls go away before their replies come: the
// others get their own.
func TestCallsShareASocket(t *testing.T) {
	p, far := piped(t, time.Minute)
	const calls = 50
	var work sync.WaitGroup
	for i := range calls {
		request := fmt.Appendf(nil, "*2\r\n$4\r\nECHO\r\n$2\r\n%02d\r\n", i)
		ctx, cancel := context.WithCancel(t.Context())
		work.Go(func() {
			defer cancel()
			if i%5 == 0 {
				cancel()
			}
			got, err := p.do(ctx, request, 1)
			switch {
			case err != nil && i%5 == 0:
			case err != nil || string(got) != fmt.Sprintf("$2\r\n%02d\r\n", i):
				t.Errorf("call %d got %q, %v", i, got, err)
			}
		})
	}
	in := bufio.NewReader(far)
	for range calls {
		all := make([]byte, len("*2\r\n$4\r\nECHO\r\n$2\r\n00\r\n"))
		if _, err := io.ReadFull(in, all); err != nil {
			t.Fatal(err)
		}
		say(t, far, string(all[len(all)-8:]))
	}
	work.Wait()
}

func TestOverdueRepliesEndAPipe(t *testing.T) {
	p, far := piped(t, 50*time.Millisecond)
	go hear(t, far, ping)
	if _, err := p.do(t.Context(), []byte(ping), 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that says nothing: %v", err)
	}
	if _, err := p.do(t.Context(), []byte(ping), 1); !errors.Is(err, errEnded) {
		t.Errorf("after that: %v", err)
	}
}

// TestTimelyRepliesKeepAPipe goes on for longer than a reply may take.
func TestTimelyRepliesKeepAPipe(t *testing.T) {
	p, far := piped(t, time.Second)
	for began := time.Now(); time.Since(began) < 1200*time.Millisecond; {
		go func() { hear(t, far, ping); say(t, far, "+PONG\r\n") }()
		if got, err := p.do(t.Context(), []byte(ping), 1); string(got) != "$4\r\nPONG\r\n" || err != nil {
			t.Fatal(string(got), err)
		}
	}
}

func TestServersThatLie(t *testing.T) {
	for _, text := range []string{"PONG\r\n", "+PONG\n", "+PO\rNG\r\n", ":x\r\n", "$-2\r\n", "$4\r\nPONG\n\n", "*2\r\n+a\r\n!\r\n", "%1\r\n", "$99999999999\r\n", "\r\n"} {
		p, far := piped(t, time.Minute)
		go func() { hear(t, far, ping); _, _ = io.WriteString(far, text) }()
		if got, err := p.do(t.Context(), []byte(ping), 1); !errors.Is(err, errProtocol) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	p, far := piped(t, time.Minute)
	_, _ = io.WriteString(far, "+PONG\r\n")
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // nobody has asked
		t.Error(err)
	}
	if _, err := p.do(t.Context(), []byte(ping), 1); !errors.Is(err, errEnded) {
		t.Errorf("a server that speaks unasked: %v", err)
	}
}

// TestLargeRepliesAreSkipped refuses replies beyond the bounds and goes on.
func TestLargeRepliesAreSkipped(t *testing.T) {
	p, far := piped(t, time.Minute)
	deep := strings.Repeat("*1\r\n", maxDepth+1)
	for _, text := range []string{
		fmt.Sprintf("$%d\r\n%s\r\n", maxReply, strings.Repeat("x", maxReply)),
		deep + ":1\r\n",
		"*2\r\n" + deep + ":1\r\n+a\r\n",
		fmt.Sprintf("*%d\r\n%s", maxItems+1, strings.Repeat(":1\r\n", maxItems+1)),
	} {
		go func() { hear(t, far, ping); say(t, far, text) }()
		if got, err := p.do(t.Context(), []byte(ping), 1); host.CodeOf(err) != abi.TooLarge {
			t.Errorf("%.20q: %d bytes, %v", text, len(got), err)
		}
		go func() { hear(t, far, ping); say(t, far, "*-1\r\n") }()
		if got, err := p.do(t.Context(), []byte(ping), 1); string(got) != "$-1\r\n" || err != nil {
			t.Errorf("after it: %q, %v", got, err)
		}
	}
}

// TestOccupiedPipes has what takes long go elsewhere.
func TestOccupiedPipes(t *testing.T) {
	p, far := piped(t, time.Minute)
	if _, err := p.do(t.Context(), make([]byte, maxShared+1), 1); !errors.Is(err, errOccupied) {
		t.Errorf("a large request: %v", err)
	}
	go hear(t, far, ping)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = p.do(ctx, []byte(ping), 1)
	time.Sleep(stalled + time.Millisecond)
	if _, err := p.do(t.Context(), []byte(ping), 1); !errors.Is(err, errOccupied) {
		t.Errorf("behind a reply that takes long: %v", err)
	}
}

// BenchmarkGet measures a command of 16 calls at a time.
func BenchmarkGet(b *testing.B) {
	server := connectortest.StartRedis(b)
	for _, name := range []string{"shared", "pooled"} {
		b.Run(name, func(b *testing.B) {
			c := Config{Mode: single, Host: "127.0.0.1", Port: server.Port, PoolSize: 16, Timeout: host.Duration(time.Minute)}
			s, err := open(b.Context(), c, connector.Env{Dial: (&net.Dialer{}).DialContext})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if name == "pooled" {
				s.shared.close()
				s.shared = nil
			}
			var r connector.Request
			get := commands{Body: []byte("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n")}
			b.ReportAllocs()
			b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := perform(b.Context(), s, &r, get); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// FuzzTaking holds that what is taken over is taken alike again, within the
// bounds.
func FuzzTaking(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR no\r\n", "*2\r\n$1\r\nx\r\n*-1\r\n", "*1000000000\r\n", "$5\r\nhello\r\n", "*0\r\n", "*2\r\n*1\r\n*0\r\n:-1\r\n", "$-1\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first := taking{in: bufio.NewReaderSize(bytes.NewReader(b), 16)}
		if first.reply() != nil || first.err != nil {
			return
		}
		again := taking{in: bufio.NewReader(bytes.NewReader(first.out))}
		if err := again.reply(); err != nil || again.err != nil || !bytes.Equal(again.out, first.out) || again.items != first.items {
			t.Errorf("%q became %q and then %q: %v", b, first.out, again.out, err)
		}
		if len(first.out) > maxReply || len(first.out) > 8*len(b) {
			t.Errorf("%q became %d bytes", b, len(first.out))
		}
	})
}
