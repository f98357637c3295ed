// Package client is the Go client of the control API: typed calls with a
// context, and errors of type *[Error] that hold what the host said.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/problem"
)

// maxReply is the most of an answer that is read into memory.
const maxReply = 1 << 30

// Config says where the host is and who asks.
type Config struct {
	URL   string       // such as "http://127.0.0.1:8183"
	Token string       // "" sends none
	HTTP  *http.Client // nil: one of its own, without a time limit
}

// Client calls the control API of one host. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// Error is an answer that is not a success: a problem document of the host.
type Error struct {
	Status  int
	Code    string // such as "not-found"
	Message string
	Field   string // place of the bad value in the input, or ""
	CID     string // request id, to find it in the host's log
	// Failure is how the service's own code failed, or nil.
	Failure *host.GuestFailure
	// Errors are all errors about the input, if there are several; the
	// fields above are about the first one.
	Errors []problem.Detail
}

// Error returns what the host said.
func (e *Error) Error() string { return e.Message }

// New returns a client, or an error if the URL is not one of a host.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, host.FieldErrorf("control", "control URL %q: use one such as http://127.0.0.1:8183", host.Clip(c.URL))
	}
	out := &Client{base: strings.TrimRight(c.URL, "/"), token: c.Token, http: c.HTTP}
	if out.http == nil {
		out.http = &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second,
			},
			// The token goes to the host that was named and to no other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return out, nil
}

// Close releases idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request.
type call struct {
	method, path string
	query        url.Values
	kind         string    // content type of the body
	body         io.Reader // nil: none
}

// path joins escaped segments below /v1.
func path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// do sends a request and returns the response, whose body the caller closes.
// An error status of the host itself becomes an *[Error].
func (c *Client) do(ctx context.Context, r call) (*http.Response, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, r.body)
	if err != nil {
		return nil, fmt.Errorf("making request: %w", err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	req.Header.Set("User-Agent", "serai")
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("calling the host: %w; none runs there: start one with serai quickstart, or name it with --control or SERAI_CONTROL", err)
		}
		return nil, fmt.Errorf("calling the host: %w", err)
	}
	if resp.StatusCode < http.StatusMultipleChoices || resp.Header.Get(headerReply) != "" {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, problemOf(resp)
}

// headerReply marks the reply of a service, whatever its status.
const headerReply = "X-Serai-Reply"

func problemOf(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the host's answer: %w", err)
	}
	p := problem.Parse(b)
	if p == nil {
		return fmt.Errorf("the answer of %s (status %d) is not one of Serai's control API", resp.Request.URL.Host, resp.StatusCode)
	}
	return &Error{Status: p.Status, Code: p.Code, Message: p.Error(), Field: p.Field, CID: p.CID, Failure: p.Failure, Errors: p.Errors}
}

// bytes sends a request and returns the answer's body and header.
func (c *Client) bytes(ctx context.Context, r call) ([]byte, http.Header, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the host's answer: %w", err)
	}
	if len(b) > maxReply {
		return nil, nil, errors.New("the host's answer is over 1 GiB")
	}
	return b, resp.Header, nil
}

// json sends in as JSON unless it is nil, and decodes the answer into out
// unless that is nil.
func (c *Client) json(ctx context.Context, method, path string, in, out any) error {
	r := call{method: method, path: path}
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding request: %w", err)
		}
		r.kind, r.body = "application/json", bytes.NewReader(b)
	}
	return c.into(ctx, r, out)
}

func (c *Client) into(ctx context.Context, r call, out any) error {
	b, _, err := c.bytes(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("decoding the host's answer: %w", err)
	}
	return nil
}
