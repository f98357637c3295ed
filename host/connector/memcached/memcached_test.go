package memcached_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/memcached"
)

const password = "a-password-that-nobody-sees"

var secrets = map[string]string{"cache": password}

func config(addr string) string {
	h, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf(`{"host": %q, "port": %s, "username": "test", "password": "${secret:cache}"}`, h, port)
}

func fields(pairs ...string) (e abi.Envelope) {
	for i := 0; i < len(pairs); i += 2 {
		e.Add(pairs[i], pairs[i+1])
	}
	return e
}

// storing stores something first, and returns its key.
func storing(key, body string) func(ctx context.Context, c *connectortest.Client) (abi.Envelope, error) {
	return func(ctx context.Context, c *connectortest.Client) (abi.Envelope, error) {
		_, err := c.Do(ctx, "memcached.set", fields("key", key), body)
		return fields("key", key), err
	}
}

func TestConformance(t *testing.T) {
	connectortest.Run(t, connectortest.Suite{
		Connector: memcached.Connector(), Server: connectortest.StartMemcached(t, password), Config: config, Secrets: secrets,
		Ops: []connectortest.Op{
			{Name: "memcached.set", Fields: fields("key", "a"), Body: "tea"},
			{Name: "memcached.get", Before: storing("b", "milk"), Check: func(t *testing.T, r *connector.Result) {
				t.Helper()
				if string(r.Body) != "milk" || r.Envelope.Get("found") != "1" {
					t.Errorf("%q %v", r.Body, r.Envelope)
				}
			}},
			{Name: "memcached.get", Fields: fields("key", "none")},
			{Name: "memcached.set", Fields: fields("key", "a", "mode", "append")},
			{Name: "memcached.cas", Body: "2", Before: func(ctx context.Context, c *connectortest.Client) (abi.Envelope, error) {
				if _, err := c.Do(ctx, "memcached.set", fields("key", "c"), "1"); err != nil {
					return nil, err
				}
				r, err := c.Do(ctx, "memcached.get", fields("key", "c"), "")
				if err != nil {
					return nil, err
				}
				return fields("key", "c", "cas", r.Envelope.Get("cas")), nil
			}},
			{Name: "memcached.incr", Before: storing("n", "41")},
			{Name: "memcached.delete", Before: storing("d", "x")},
			{Name: "memcached.touch", Fields: fields("expires", "60000"), Before: storing("e", "x")},
		},
		Fails: []connectortest.OpFailure{
			{Op: connectortest.Op{Name: "memcached.get", Fields: fields("key", "a b")}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "memcached.set", Fields: fields("key", "big"), Body: strings.Repeat("x", 2<<20)}, Code: abi.Remote},
			{Op: connectortest.Op{Name: "memcached.set", Fields: fields("key", strings.Repeat("k", 251))}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "memcached.cas", Fields: fields("key", "none", "cas", "1"), Body: "x"}, Code: abi.NotFound},
			{Op: connectortest.Op{Name: "memcached.cas", Fields: fields("key", "none", "cas", "-1")}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "memcached.cas", Fields: fields("cas", "0"), Body: "x", Before: storing("f", "x")}, Code: abi.Conflict},
			{Op: connectortest.Op{Name: "memcached.incr", Before: storing("t", "text")}, Code: abi.Remote},
			{Op: connectortest.Op{Name: "memcached.incr", Fields: fields("key", "none")}, Code: abi.NotFound},
			{Op: connectortest.Op{Name: "memcached.delete", Fields: fields("key", "a\r\nflush_all")}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "memcached.touch", Fields: fields("key", "\x00")}, Code: abi.Invalid},
		},
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	f := connectortest.Open(t, memcached.Connector(), config(connectortest.StartMemcached(t, password).Addr()), secrets)
	say := func(op, body string, pairs ...string) string {
		t.Helper()
		r := f.Must(t, "memcached."+op, fields(pairs...), body)
		if r == nil {
			return "failed"
		}
		out := string(r.Body)
		for _, e := range r.Envelope {
			if e.Name != "cas" {
				out += " " + e.Name + "=" + e.Value
			}
		}
		return out
	}
	for _, c := range []struct{ got, want string }{
		{say("set", "one\r\nEND\r\n", "key", "k"), " stored=1"},
		{say("get", "", "key", "k"), "one\r\nEND\r\n found=1"},
		{say("set", "x", "key", "k", "mode", "add"), " stored=0"},
		{say("set", "x", "key", "new", "mode", "replace"), " stored=0"},
		{say("set", "two", "key", "k", "mode", "append"), " stored=1"},
		{say("get", "", "key", "k"), "one\r\nEND\r\ntwo found=1"},
		{say("set", "", "key", "empty"), " stored=1"},
		{say("get", "", "key", "empty"), " found=1"},
		{say("set", "18446744073709551614", "key", "n"), " stored=1"},
		{say("incr", "", "key", "n"), " value=18446744073709551615"},
		{say("set", "5", "key", "n"), " stored=1"},
		{say("incr", "", "key", "n", "by", "-7"), " value=0"},
		{say("touch", "", "key", "k", "expires", "3456000000"), " found=1"}, // 40 days
		{say("get", "", "key", "k"), "one\r\nEND\r\ntwo found=1"},
		{say("touch", "", "key", "none"), " found=0"},
		{say("delete", "", "key", "k"), " found=1"},
		{say("delete", "", "key", "k"), " found=0"},
		{say("get", "", "key", "k"), " found=0"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestHostile is about servers that lie about what they hold.
func TestHostile(t *testing.T) {
	t.Parallel()
	for says, code := range map[string]abi.Code{
		"VALUE k 0 99999999999 1\r\n":          abi.TooLarge,
		"VALUE k 0 99999999999999999999 1\r\n": abi.Remote,
		"VALUE k 0 -1 1\r\n":                   abi.Remote,
		"VALUE other 0 1 1\r\nx\r\nEND\r\n":    abi.Remote,
		"VALUE k 0 1 1\r\nxy\r\nEND\r\n":       abi.Remote,
		"STORED\r\n":                           abi.Remote,
		"SERVER_ERROR out of memory\r\n":       abi.Remote,
	} {
		stub := connectortest.StartStub(t, func(c net.Conn) {
			for n := range 2 {
				if _, err := c.Read(make([]byte, 1024)); err != nil {
					return
				}
				_, _ = io.WriteString(c, []string{"VERSION 1\r\n", says}[n])
			}
		})
		h, port, _ := net.SplitHostPort(stub.Addr())
		f := connectortest.Open(t, memcached.Connector(), fmt.Sprintf(`{"host": %q, "port": %s}`, h, port), nil)
		if _, err := f.Do(t.Context(), "memcached.get", fields("key", "k"), ""); host.CodeOf(err) != code {
			t.Errorf("%q: %v (%s), want %s", says, err, host.CodeOf(err), code)
		}
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	err := memcached.Connector().Validate([]byte(`{"host": "h", "username": "u"}`))
	if host.CodeOf(err) != abi.Invalid || !strings.Contains(host.MessageOf(err), "go together") {
		t.Errorf("a user without a password: %v", err)
	}
}
