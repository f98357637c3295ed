// Package httpclient is the connector for systems that speak HTTP: the
// operation http.request on a connection of the type "http".
//
// A guest names a connection, and at most a path below its base address, or a
// URL that a connection granted to it covers; it does not choose hosts, and it
// never sees credentials. The host resolves secrets, judges every address
// that is dialled (package egress), bounds time, size, retries and redirects,
// and answers with a status, headers and a body. Sockets to the system are
// kept and shared by a tenant's calls.
package httpclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// Bounds of what a [Client] keeps.
const (
	maxIdle     = 256              // idle sockets
	idleTimeout = 90 * time.Second // of an idle socket
)

// Client performs the requests of one connection. It is safe for concurrent use.
type Client struct {
	name      string
	spec      *spec
	transport *http.Transport
	single    *http.Transport // whose sockets are used once
	closed    atomic.Bool
}

// Connector returns the connector.
func Connector() connector.Connector {
	return connector.Define(connector.Spec[Config, *Client]{
		Type: Type, Doc: "Systems that speak HTTP, such as REST APIs.",
		Check: func(c Config) error {
			_, err := parse(c)
			return err
		},
		Open: open,
		Find: find,
		Ops: []connector.Operation[*Client]{
			connector.NewOperation(abi.OpHTTPRequest, "Sends an HTTP request through a connection and returns the reply, whatever its status.", do),
		},
	})
}

// open makes a client. It dials when there is a request to send.
func open(_ context.Context, c Config, env connector.Env) (*Client, error) {
	s, err := parse(c)
	if err != nil {
		return nil, err
	}
	client := &Client{name: env.Name, spec: s, transport: &http.Transport{
		// No Proxy: a proxy from the environment would dial for us, past egress.
		DialContext:            watching(env.Dial),
		TLSClientConfig:        s.tls,
		TLSHandshakeTimeout:    egress.DefaultTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	client.single = client.transport.Clone()
	client.single.DisableKeepAlives = true
	return client, nil
}

// Ping sends HEAD to the base address, as far as that has no placeholders.
// Whatever status comes back is a sign of life.
func (c *Client) Ping(ctx context.Context) error {
	whole := *c.spec
	for i, segment := range whole.path {
		if strings.Contains(segment, "{") {
			whole.path = whole.path[:i]
			break
		}
	}
	if c.closed.Load() {
		return errClosed
	}
	_, err := do(ctx, &Client{name: c.name, spec: &whole, transport: c.transport, single: c.single}, nil, request{Method: http.MethodHead, Redirects: true})
	return err
}

// Close closes idle sockets. Requests under way go on.
func (c *Client) Close() error {
	c.closed.Store(true)
	c.transport.CloseIdleConnections()
	c.single.CloseIdleConnections()
	return nil
}

var errClosed = fmt.Errorf("%w: the connection was closed", connector.ErrNotConnected)

// request is what a service asks for.
type request struct {
	Method    string        `field:"method" default:"GET" doc:"GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS"`
	Path      string        `field:"path" doc:"below the base address; may hold {placeholders}"`
	Params    []abi.Field   `field:"param.*" doc:"fill placeholders; those that none uses become the query"`
	Query     []abi.Field   `field:"query.*" doc:"the query"`
	URL       *string       `field:"url" doc:"whole, instead of connection, path, param.* and query.*: the granted connection that covers it is used"`
	Similar   bool          `field:"similar" doc:"the connection's name may differ in case and in what is no letter or digit"`
	Headers   []abi.Field   `field:"header.*" doc:"headers; those of the connection win"`
	Timeout   time.Duration `field:"timeout" min:"1" max:"2147483647" doc:"of the request with its retries; no more than the connection's, if that has one"`
	Redirects bool          `field:"redirects" default:"true" doc:"false: a redirect is the reply"`
	Body      []byte        `body:"the request's body"`
	Stream    io.Reader     `stream:"true"`
}

// reply is what the system answered.
type reply struct {
	Status  int           `field:"status" doc:"status of the reply"`
	Headers []abi.Field   `field:"header.*" doc:"headers of the reply"`
	Body    []byte        `body:"the reply's body, decompressed"`
	Stream  io.ReadCloser `stream:"true"`
}

func do(ctx context.Context, c *Client, r *connector.Request, in request) (reply, error) {
	if c.closed.Load() {
		return reply{}, errClosed
	}
	out, err := c.build(r, in)
	if err != nil {
		return reply{}, err
	}
	defer out.body.release()
	out.trace(host.TraceOf(ctx))
	if out.stream != nil {
		return c.stream(ctx, out, r.Streams)
	}
	if r != nil && r.Streams {
		return c.stream(ctx, out, true)
	}
	ctx, cancel := context.WithTimeout(ctx, out.timeout)
	defer cancel()
	resp, err := c.send(ctx, out)
	if err != nil {
		return reply{}, fault(ctx, c.name, err)
	}
	defer resp.Body.Close()
	result, err := c.result(resp)
	if err != nil {
		return reply{}, fault(ctx, c.name, err)
	}
	return result, nil
}
