package connectortest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/memcached"
)

const password = "a-password-that-nobody-sees"

type opener = func(ctx context.Context, raw []byte, secret func(string) (string, error), env connector.Env) (connector.Conn, error)

// faults spoil a connector that is right; each is found by a part of the suite.
var faults = map[string]struct {
	part, says string
	spoil      func(c *connector.Connector)
}{
	"takes every configuration": {"configuration", "no_such_key", func(c *connector.Connector) {
		c.Validate = func([]byte) error { return nil }
	}},
	"dials by itself": {"egress", "past env.Dial", opening(func(open opener) opener {
		return func(ctx context.Context, raw []byte, secret func(string) (string, error), env connector.Env) (connector.Conn, error) {
			env.Dial = new(net.Dialer).DialContext
			return open(ctx, raw, secret, env)
		}
	})},
	"shares between tenants": {"tenants", "the other tenant opened 0 connections", opening(func(open opener) opener {
		var mu sync.Mutex
		var first connector.Conn
		return func(ctx context.Context, raw []byte, secret func(string) (string, error), env connector.Env) (conn connector.Conn, err error) {
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first, err = open(ctx, raw, secret, env)
			}
			return first, err
		}
	})},
	"leaves goroutines": {"close", "a goroutine is left", opening(func(open opener) opener {
		return func(ctx context.Context, raw []byte, secret func(string) (string, error), env connector.Env) (connector.Conn, error) {
			go func() { select {} }()
			return open(ctx, raw, secret, env)
		}
	})},
	"waits for nobody": {"frozen", "takes", doing(func(do doer) doer {
		return func(ctx context.Context, conn connector.Conn, r *connector.Request) (*connector.Result, error) {
			return do(context.WithoutCancel(ctx), conn, r)
		}
	})},
	"hides losses": {"cut", "remote", doing(func(do doer) doer {
		return func(ctx context.Context, conn connector.Conn, r *connector.Request) (*connector.Result, error) {
			out, err := do(ctx, conn, r)
			if err != nil && ctx.Err() == nil {
				err = host.Errorf(abi.Remote, "it did not work")
			}
			return out, err
		}
	})},
}

type doer = func(ctx context.Context, conn connector.Conn, r *connector.Request) (*connector.Result, error)

func opening(with func(opener) opener) func(c *connector.Connector) {
	return func(c *connector.Connector) { c.Open = with(c.Open) }
}

func doing(with func(doer) doer) func(c *connector.Connector) {
	return func(c *connector.Connector) {
		for i := range c.Ops {
			c.Ops[i].Do = with(c.Ops[i].Do)
		}
	}
}

// TestSpoiled is run by TestFaults in a process of its own, where it fails.
func TestSpoiled(t *testing.T) {
	fault, ok := faults[os.Getenv("SERAI_FAULT")]
	if !ok {
		t.Skip("it is a part of TestFaults")
	}
	c := memcached.Connector()
	fault.spoil(&c)
	key := abi.Envelope{{Name: "key", Value: "k"}}
	connectortest.Run(t, connectortest.Suite{
		Connector: c, Server: connectortest.StartMemcached(t, password), Secrets: map[string]string{"cache": password},
		Config: func(addr string) string {
			h, port, _ := net.SplitHostPort(addr)
			return fmt.Sprintf(`{"host": %q, "port": %s, "username": "test", "password": "${secret:cache}"}`, h, port)
		},
		Ops: []connectortest.Op{{Name: "memcached.set", Fields: key, Body: "x"}},
	})
}

// TestFaults checks that the suite finds what is wrong with a connector.
func TestFaults(t *testing.T) {
	t.Parallel()
	connectortest.StartMemcached(t, password) // or skip
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && fault.part == "close" {
				t.Skip("what is left is given time to end")
			}
			cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.run", "^TestSpoiled$/^"+fault.part+"$")
			cmd.Env = append(os.Environ(), "SERAI_FAULT="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), fault.says) {
				t.Errorf("%s does not find it (%v):\n%s", fault.part, err, out)
			}
		})
	}
}
