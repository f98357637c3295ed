package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/telemetry"
)

// Service is a service and what it runs.
type Service struct {
	host.Service
	Kind       host.Kind      `json:"kind"`
	Isolation  host.Isolation `json:"isolation"`
	Routes     []host.Route   `json:"routes"`
	ImageBytes int64          `json:"image_bytes"`
	OwnBytes   int64          `json:"own_bytes"`
	// Settings are those of the running version; only [Client.Service] fills them in.
	Settings *host.Settings `json:"settings,omitempty"`
}

// Version is a version and whether it serves calls.
type Version struct {
	host.Version
	Running bool `json:"running"`
}

// Upload is the content of a service.
type Upload struct {
	FileName    string
	ContentType string // "application/wasm", "text/x-python" or "application/x-tar"
	Content     []byte
}

// Settings are what a deploy chooses; what is nil is the default or, with
// Keep, what the running version has.
type Settings struct {
	Routes    []host.Route   `json:"routes,omitempty"`
	Isolation host.Isolation `json:"isolation,omitempty"`
	Limits    *Limits        `json:"limits,omitempty"`
	Grants    *host.Grants   `json:"grants,omitempty"`
	Entry     string         `json:"entry,omitempty"`
	Export    string         `json:"export,omitempty"`
	Debug     host.Debug     `json:"debug,omitempty"` // of this version only; never kept
	Keep      bool           `json:"keep,omitempty"`
}

// Limits are those of [host.Limits] that a deploy chooses.
type Limits struct {
	Memory       *host.Bytes    `json:"memory,omitempty"`
	Timeout      *host.Duration `json:"timeout,omitempty"` // and CPU, unless that is set
	CPU          *host.Duration `json:"cpu,omitempty"`
	RequestBytes *host.Bytes    `json:"request_bytes,omitempty"`
	ReplyBytes   *host.Bytes    `json:"reply_bytes,omitempty"`
	LogBytes     *host.Bytes    `json:"log_bytes,omitempty"`
	InFlight     *int           `json:"in_flight,omitempty"`
	Queue        *int           `json:"queue,omitempty"`
	InvokeDepth  *int           `json:"invoke_depth,omitempty"`
}

// Deploy uploads a service and returns once it is live.
func (c *Client) Deploy(ctx context.Context, tenant, service string, up Upload, s Settings) (*host.Receipt, error) {
	kind, body, err := deployForm(up, s)
	if err != nil {
		return nil, err
	}
	var out host.Receipt
	r := call{method: http.MethodPut, path: path("tenants", tenant, "services", service), kind: kind, body: body}
	return &out, c.into(ctx, r, &out)
}

// DeployAll uploads services that have names of their own and returns once
// all of them are live.
func (c *Client) DeployAll(ctx context.Context, tenant string, up Upload, s Settings) ([]host.Receipt, error) {
	kind, body, err := deployForm(up, s)
	if err != nil {
		return nil, err
	}
	var out struct{ Services []host.Receipt }
	r := call{method: http.MethodPost, path: path("tenants", tenant, "services"), kind: kind, body: body}
	err = c.into(ctx, r, &out)
	return out.Services, err
}

// deployForm returns the multipart form of an upload.
func deployForm(up Upload, s Settings) (contentType string, body *bytes.Buffer, err error) {
	options, err := json.Marshal(s)
	if err != nil {
		return "", nil, fmt.Errorf("encoding settings: %w", err)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err = writePart(w, textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="settings"`}, "Content-Type": {"application/json"},
	}, options)
	if err == nil {
		err = writePart(w, textproto.MIMEHeader{
			"Content-Disposition": {multipart.FileContentDisposition("module", up.FileName)}, "Content-Type": {up.ContentType},
		}, up.Content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", nil, fmt.Errorf("encoding upload: %w", err)
	}
	return w.FormDataContentType(), &b, nil
}

func writePart(w *multipart.Writer, h textproto.MIMEHeader, b []byte) error {
	p, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	_, err = p.Write(b)
	return err
}

// Services lists the services of a tenant.
func (c *Client) Services(ctx context.Context, tenant string) ([]Service, error) {
	var out struct{ Services []Service }
	err := c.json(ctx, http.MethodGet, path("tenants", tenant, "services"), nil, &out)
	return out.Services, err
}

// Service returns one service with its settings.
func (c *Client) Service(ctx context.Context, tenant, name string) (*Service, error) {
	var out Service
	return &out, c.json(ctx, http.MethodGet, path("tenants", tenant, "services", name), nil, &out)
}

// DeleteService drains and deletes a service with its versions.
func (c *Client) DeleteService(ctx context.Context, tenant, name string) error {
	return c.json(ctx, http.MethodDelete, path("tenants", tenant, "services", name), nil, nil)
}

// Versions lists the versions of a service, the latest active first.
func (c *Client) Versions(ctx context.Context, tenant, name string) ([]Version, error) {
	var out struct{ Versions []Version }
	err := c.json(ctx, http.MethodGet, path("tenants", tenant, "services", name, "versions"), nil, &out)
	return out.Versions, err
}

// Rollback makes an earlier version the running one; "" is the one before.
func (c *Client) Rollback(ctx context.Context, tenant, name, version string) (*host.Receipt, error) {
	var out host.Receipt
	in := struct {
		Version string `json:"version"`
	}{version}
	return &out, c.json(ctx, http.MethodPost, path("tenants", tenant, "services", name, "rollback"), in, &out)
}

// Reply is what a service answered.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Invoke calls a service. A service that failed is an *[Error] with its
// failure; a reply with an error status is a reply.
func (c *Client) Invoke(ctx context.Context, tenant, name, contentType string, body []byte) (*Reply, error) {
	resp, err := c.do(ctx, call{
		method: http.MethodPost, path: path("tenants", tenant, "services", name, "invoke"),
		kind: contentType, body: bytes.NewReader(body),
	})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("reading the service's reply: %w", err)
	}
	return &Reply{Status: resp.StatusCode, Header: resp.Header, Body: b}, nil
}

// LogQuery chooses records; the zero value is the latest hundred of all services.
type LogQuery struct {
	Service, CID string
	Level        string // lowest level, such as "warning"
	Since        string // RFC 3339, or a duration such as "10m"
	Limit        int
	Follow       bool // go on with new records until the context ends
}

// Logs calls fn for each record, oldest first, until it returns an error.
func (c *Client) Logs(ctx context.Context, tenant string, q LogQuery, fn func(telemetry.Record) error) error {
	v := url.Values{}
	for name, value := range map[string]string{"service": q.Service, "cid": q.CID, "level": q.Level, "since": q.Since} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Follow {
		v.Set("follow", "true")
	}
	resp, err := c.do(ctx, call{method: http.MethodGet, path: path("tenants", tenant, "logs"), query: v})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue // a sign of life
		}
		var r telemetry.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("decoding a log record: %w", err)
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	return nil
}

// All chooses every setting, so that nothing is left to defaults.
func All(s host.Settings) Settings {
	l := s.Limits
	return Settings{
		Routes: s.Routes, Isolation: s.Isolation, Grants: &s.Grants, Entry: s.Entry, Export: s.Export,
		Limits: &Limits{
			Memory: &l.Memory, Timeout: &l.Timeout, CPU: &l.CPU, RequestBytes: &l.RequestBytes, ReplyBytes: &l.ReplyBytes,
			LogBytes: &l.LogBytes, InFlight: &l.InFlight, Queue: &l.Queue, InvokeDepth: &l.InvokeDepth,
		},
	}
}
