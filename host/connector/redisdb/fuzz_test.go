package redisdb

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzParse holds that what is taken is written back as it was.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "*1\r\n$4\r\nPING\r\n", "*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$1\r\nx\r\n", "*99\r\n", "*1\r\n$-1\r\n", "*1\r\n$01\r\nx\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		commands, err := parse(b)
		if err != nil {
			return
		}
		var again []byte
		for _, c := range commands {
			again = appendHeader(again, '*', len(c))
			for _, w := range c {
				again = appendBulk(again, w)
			}
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%q became %q", b, again)
		}
		_, _, _ = judge(commands)
	})
}

// FuzzScan holds that replies are judged alike however they are cut.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "*2\r\n$1\r\nx\r\n*-1\r\n", "%1\r\n+a\r\n:1\r\n", "|1\r\n+a\r\n:1\r\n+b\r\n", "*1000000000\r\n", "$5\r\nhello\r\n", "*0\r\n"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		var whole, parts scanner
		at = min(max(at, 0), len(b))
		a := whole.feed(b)
		p := parts.feed(b[:at])
		if p == nil {
			p = parts.feed(b[at:])
		}
		if (a == nil) != (p == nil) {
			t.Errorf("%q: %v, in parts %v", b, a, p)
		}
		if len(whole.open) > maxDepth {
			t.Errorf("%q: %d levels", b, len(whole.open))
		}
	})
}

// FuzzPushes reads what a server may send to a subscriber.
func FuzzPushes(f *testing.F) {
	for _, seed := range []string{
		"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\ntea\r\n", "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$0\r\n\r\n",
		"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", "*2\r\n$4\r\npong\r\n$-1\r\n", "+OK\r\n", "-ERR no\r\n",
		"*1000000000\r\n", "*3\r\n$1000000000000\r\n", "*3\r\n$-2\r\n", "*3\r\n$1\r\nxy\r\n", "*2\r\n:x\r\n", "\r\n", "*\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := newPushes(bytes.NewReader(raw))
		for n := 0; ; n++ {
			out, err := p.next()
			if _, says := errors.AsType[replyError](err); says {
				continue
			}
			if err != nil {
				return
			}
			if n > len(raw) || out.size()-100+len(out.kind) > len(raw) {
				t.Fatalf("it reads %+v", out)
			}
		}
	})
}
