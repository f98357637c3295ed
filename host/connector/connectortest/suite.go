package connectortest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
)

// Server is a real server that a test controls.
type Server interface {
	Addr() string // 127.0.0.1 and a port, the same after a restart
	Start()       // returns when it serves
	Stop()
	Freeze() // from now on it accepts and says nothing
	Thaw()
}

// Op is an operation that succeeds.
type Op struct {
	Name   string
	Fields abi.Envelope // without op and connection
	Body   string
	// Before, if set, does what the operation needs earlier in the same call,
	// such as beginning the transaction that it commits, and returns further
	// fields.
	Before func(ctx context.Context, c *Client) (abi.Envelope, error)
	// Check, if set, looks at the result.
	Check func(t *testing.T, r *connector.Result)
}

// OpFailure is an operation that the connector or its system refuses with a code.
type OpFailure struct {
	Op
	Code abi.Code
}

// Suite is a connector, a server for it, and what to do there.
type Suite struct {
	Connector connector.Connector
	// Server is nil for a system that is a file of the host's.
	Server Server
	// Config returns the configuration for a server at an address.
	Config func(addr string) string
	// Secrets are those that the configuration refers to. They must not
	// appear anywhere, and the server refuses whoever has others.
	Secrets map[string]string
	// Ops are tried in order, each of the connector's at least once, and each
	// many times: also at the same time, when they may answer Conflict.
	Ops []Op
	// Fails are refusals, at least one of each operation that takes anything.
	Fails []OpFailure
	// Lacks are operations that this system of several, unlike others of the
	// connector, has not; Fails has them.
	Lacks []string
	// Known are those of the strangers, see [Run], that the connector takes for
	// its system, since it is one: "web" for one that speaks HTTP.
	Known []string
}

const (
	// promptly bounds how long an operation goes on that nobody waits for.
	promptly = time.Second
	// patience bounds what takes as long as the machine is busy.
	patience = 20 * time.Second
)

// Run tests the connector, also with servers that are something else: they
// echo what they get, speak HTTP, hang up, or flood it.
func Run(t *testing.T, s Suite) {
	t.Run("configuration", func(t *testing.T) {
		settings{s.Connector.Type, s.Connector.Config, s.Config(s.addr()), s.Connector.Validate}.check(t)
	})
	t.Run("operations", s.operations)
	t.Run("together", s.together)
	t.Run("close", s.closing)
	if s.Server == nil {
		return
	}
	t.Run("tenants", s.tenants)
	t.Run("change", s.change)
	t.Run("egress", s.egress)
	t.Run("unavailable", s.unavailable)
	t.Run("silent", s.silent)
	t.Run("strangers", s.strangers)
	t.Run("cut", s.cut)
	t.Run("frozen", s.frozen)
}

func (s Suite) addr() string {
	if s.Server == nil {
		return ""
	}
	return s.Server.Addr()
}

func (s Suite) client(t *testing.T, addr string) *Client {
	t.Helper()
	return Open(t, s.Connector, s.Config(addr), s.Secrets)
}

// do performs an operation in a call of its own.
func (s Suite) do(ctx context.Context, f *Client, op Op) (*connector.Result, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	fields := op.Fields
	if op.Before != nil {
		more, err := op.Before(ctx, f)
		if err != nil {
			return nil, err
		}
		fields = slices.Concat(fields, more)
	}
	return f.Do(ctx, op.Name, fields, op.Body)
}

// first performs the first operation.
func (s Suite) first(ctx context.Context, f *Client) error {
	_, err := s.do(ctx, f, s.Ops[0])
	return err
}

// back waits until the system is used again. A ping asks anew even if the
// system was just given up.
func (s Suite) back(t *testing.T, f *Client) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := f.Ping(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the system is back, the connection is not: %v", err)
		}
	}
}
