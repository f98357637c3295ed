package connector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/seraihost/serai/host"
)

// Spec describes a connector to one kind of system: how its connections are
// configured, how one is opened, and what services do with it. Everything
// else is derived from it: validation, documentation, JSON Schema, and the
// life of connections, which package pool looks after. So a connector is only
// its protocol.
//
// C is the configuration, a struct whose fields have the tags that [Fields]
// reads. K is an open connection.
type Spec[C any, K Conn] struct {
	Type string // what a host.Connection names, such as "redis"
	Doc  string // one sentence
	// Untested says why no real server is part of the tests, "" if one is.
	Untested string
	// Check refuses configurations that the tags let pass. Its errors name
	// the field as FieldErrorf does, without the prefix "config.".
	Check func(c C) error
	// Open connects. ctx bounds it; the configuration has its secrets in
	// place. Everything that it dials goes through env.Dial. An error that
	// a later attempt may not meet wraps ErrNotConnected.
	Open func(ctx context.Context, c C, env Env) (K, error)
	// Find, if set, says which connection a request is for, where that is not
	// simply the one that its field "connection" names. Whether the service may
	// use it is checked after that.
	Find func(ctx context.Context, r *Request, d Directory[K]) (name string, err error)
	Ops  []Operation[K]
}

// Directory is the connections of a type that a service may use.
type Directory[K any] interface {
	// Granted returns their names, in the order of the grants. Not all of them
	// need to exist.
	Granted(ctx context.Context) ([]string, error)
	// Use opens a connection if need be and calls fn with it.
	Use(ctx context.Context, name string, fn func(conn K) error) error
}

// Conn is an open connection. Its methods and the operations on it may be
// called by several goroutines; pooling sockets is up to it.
type Conn interface {
	// Ping asks the system for a sign of life, within ctx.
	Ping(ctx context.Context) error
	// Close releases it. Operations have ended, or their contexts have.
	Close() error
}

// Loser is a [Conn] that notices by itself when it is lost, so that the pool
// opens another one before an operation fails on it.
type Loser interface {
	// Lost reports whether the connection has been lost. It is cheap.
	Lost() bool
}

// ErrNotConnected is wrapped by errors of operations and of Open when the
// connection is lost or cannot be made. The pool then opens another one.
var ErrNotConnected = errors.New("not connected")

// Env is what a connection may use of the host.
type Env struct {
	Tenant, Name string
	// Dial connects over TCP to the addresses that the connection may reach.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Dir is a folder of the tenant's own on the host's disk, for connectors
	// that keep files. It may not exist yet.
	Dir string
	Log *slog.Logger
	// Dropped, if not nil, is told how many messages a source has dropped
	// because there was no room for them.
	Dropped func(messages int)
}

// Connector is a [Spec] without its types.
type Connector struct {
	Type, Doc, Untested string
	// Builtin says that the host itself is the system: there are no
	// connections, see [DefineBuiltin].
	Builtin bool
	Config  []Field // of the configuration
	Ops     []OpInfo
	// Validate refuses a configuration. References to secrets are kept as
	// they are. Errors name the field below "config".
	Validate func(raw []byte) error
	// Open connects with a configuration whose secrets secret fills in.
	Open func(ctx context.Context, raw []byte, secret func(name string) (string, error), env Env) (Conn, error)
	// Find is nil if requests name their connection.
	Find func(ctx context.Context, r *Request, d Directory[Conn]) (name string, err error)
}

// Define returns the connector of a spec. A spec that makes no sense is a
// fault of the program and panics.
func Define[C any, K Conn](s Spec[C, K]) Connector {
	var zero C
	fields := Fields(zero)
	out := Connector{
		Type: s.Type, Doc: s.Doc, Untested: s.Untested, Config: fields,
		Validate: func(raw []byte) error {
			_, err := s.decode(raw, fields, nil)
			return err
		},
		Open: func(ctx context.Context, raw []byte, secret func(string) (string, error), env Env) (Conn, error) {
			c, err := s.decode(raw, fields, secret)
			if err != nil {
				return nil, err
			}
			return s.Open(ctx, c, env)
		},
	}
	if s.Find != nil {
		out.Find = func(ctx context.Context, r *Request, d Directory[Conn]) (string, error) {
			return s.Find(ctx, r, directory[K]{d})
		}
	}
	for _, op := range s.Ops {
		out.Ops = append(out.Ops, op.info())
	}
	if s.Type == "" || s.Doc == "" || s.Open == nil {
		panic(fmt.Sprintf("connector: the spec of %q is incomplete", s.Type))
	}
	return out
}

// directory gives connections their type back.
type directory[K Conn] struct{ Directory[Conn] }

func (d directory[K]) Use(ctx context.Context, name string, fn func(conn K) error) error {
	return d.Directory.Use(ctx, name, func(conn Conn) error {
		k, ok := conn.(K)
		if !ok {
			return fmt.Errorf("the connection is a %T", conn) // as in info
		}
		return fn(k)
	})
}

// decode reads a configuration strictly. Without secret, references stay.
func (s Spec[C, K]) decode(raw []byte, fields []Field, secret func(string) (string, error)) (C, error) {
	var c C
	if err := decodeConfig(raw, &c, fields, secret); err != nil {
		return c, err
	}
	if s.Check != nil {
		if err := s.Check(c); err != nil {
			return c, below("config", err)
		}
	}
	return c, nil
}

// below puts the field of an error below a parent.
func below(parent string, err error) error {
	e, ok := errors.AsType[*host.Error](err)
	if !ok || e.Field == "" || strings.HasPrefix(e.Field, parent+".") {
		return err
	}
	out := *e
	out.Field = parent + "." + e.Field
	return &out
}
