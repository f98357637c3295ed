package serai

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
)

// Reply is what another system or service answered.
type Reply struct {
	Status  int
	Headers Values // names in lower case
	Body    []byte
	// Stream is the body instead, of [Connection.DoStream]. Close it, unless it
	// is passed on; what is open when the call ends is closed by the host. A
	// body that breaks off ends with an [*Error].
	Stream io.ReadCloser
}

// OK reports whether the status is one of success.
func (r *Reply) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Header returns the first value of a header, or "".
func (r *Reply) Header(name string) string { return r.Headers.Get(strings.ToLower(name)) }

// JSON decodes the body into v, a pointer; of one that streams, what was not
// read yet. An error has the code abi.Remote, or that of a body that breaks off.
func (r *Reply) JSON(v any) error {
	body := r.Body
	if r.Stream != nil {
		var err error
		if body, err = io.ReadAll(r.Stream); err != nil {
			return err //nolint:wrapcheck // an error of the SDK
		}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &Error{Code: abi.Remote, Message: "the reply is not the JSON expected: " + err.Error(), Err: err}
	}
	return nil
}

func newReply(e abi.Envelope, body []byte) *Reply {
	status, _ := strconv.Atoi(e.Get(abi.FieldStatus)) // the host writes it
	return &Reply{Status: status, Headers: e.WithPrefix(abi.PrefixHeader), Body: body}
}

// HTTP returns the HTTP connection of the name, for which the service needs
// a grant. Addresses and credentials are the connection's.
func HTTP(connection string) Connection { return Connection{connection} }

// Connection is a use of an HTTP connection.
type Connection struct{ name string }

// Params are the parameters of a request: those that the path names in
// {braces} fill it, the others become the query.
type Params map[string]string

// HTTPRequest is a request through a connection. Only Method may be needed;
// "" is GET.
type HTTPRequest struct {
	Method  string
	Path    string // below the connection's base address; may hold {placeholders}
	Params  Params
	Query   Values
	Headers Values
	Body    []byte
	// Stream, if not nil, is what follows Body, sent as it is read; see
	// [CallFrom]. Such a request is not repeated.
	Stream  io.Reader
	Length  int64         // bytes of Body and Stream, if that is known and the system shall be told
	Timeout time.Duration // 0: the connection's
}

// Get sends a GET request. Any status is a reply; an error is about the way.
func (c Connection) Get(path string, p Params) (*Reply, error) {
	return c.Do(&HTTPRequest{Path: path, Params: p})
}

// Post sends a body of a content type.
func (c Connection) Post(path string, p Params, contentType string, body []byte) (*Reply, error) {
	return c.send("POST", path, p, contentType, body)
}

// PostJSON sends v as JSON.
func (c Connection) PostJSON(path string, p Params, v any) (*Reply, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding request: %w", err)
	}
	return c.send("POST", path, p, "application/json", body)
}

// Put sends a body of a content type.
func (c Connection) Put(path string, p Params, contentType string, body []byte) (*Reply, error) {
	return c.send("PUT", path, p, contentType, body)
}

// Delete sends a DELETE request.
func (c Connection) Delete(path string, p Params) (*Reply, error) {
	return c.Do(&HTTPRequest{Method: "DELETE", Path: path, Params: p})
}

func (c Connection) send(method, path string, p Params, contentType string, body []byte) (*Reply, error) {
	return c.Do(&HTTPRequest{Method: method, Path: path, Params: p, Headers: Values{{Name: "content-type", Value: contentType}}, Body: body})
}

// Do sends a request.
func (c Connection) Do(r *HTTPRequest) (*Reply, error) {
	var reply abi.Envelope
	var body []byte
	var err error
	if r.Stream == nil {
		reply, body, err = Call(r.envelope(c), r.Body)
	} else {
		reply, body, err = CallFrom(r.envelope(c), r.Body, r.Stream)
	}
	if err != nil {
		return nil, err
	}
	return newReply(reply, body), nil
}

// DoStream sends a request and returns the reply with its body yet to come, in
// Reply.Stream, which need not fit into memory then. The connection's timeout
// is that of each piece.
func (c Connection) DoStream(r *HTTPRequest) (*Reply, error) {
	reply, stream, err := CallStream(r.envelope(c), r.Body, r.Stream)
	if err != nil {
		return nil, err
	}
	out := newReply(reply, nil)
	out.Stream = stream
	return out, nil
}

func (r *HTTPRequest) envelope(c Connection) abi.Envelope {
	e := append(operation(abi.OpHTTPRequest, 7+len(r.Params)+len(r.Query)+len(r.Headers)), Field{Name: abi.FieldConnection, Value: c.name})
	if r.Method != "" {
		e.Add(abi.FieldMethod, r.Method)
	}
	if r.Path != "" {
		e.Add(abi.FieldPath, r.Path)
	}
	if r.Timeout > 0 {
		e = append(e, milliseconds(abi.FieldTimeout, r.Timeout))
	}
	if r.Length > 0 && r.Stream != nil {
		e.Add(abi.FieldStreamLength, strconv.FormatInt(r.Length, 10))
	}
	for name, value := range r.Params {
		e.Add(abi.PrefixParam+name, value)
	}
	for _, f := range r.Query {
		e.Add(abi.PrefixQuery+f.Name, f.Value)
	}
	for _, f := range r.Headers {
		e.Add(abi.PrefixHeader+strings.ToLower(f.Name), f.Value)
	}
	return e
}

// Invoke calls another service of the tenant and waits for its reply.
func Invoke(service string, payload []byte) (*Reply, error) {
	reply, body, err := Call(append(operation(abi.OpInvoke, 1), Field{Name: abi.FieldService, Value: service}), payload)
	if err != nil {
		return nil, err
	}
	return newReply(reply, body), nil
}

// InvokeJSON calls another service with in as JSON and decodes its reply
// into out, a pointer or nil. A status that is not one of success is an
// error with the code abi.Remote.
func InvokeJSON(service string, in, out any) error {
	payload, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding payload: %w", err)
	}
	e := append(operation(abi.OpInvoke, 2), Field{Name: abi.FieldService, Value: service},
		Field{Name: abi.PrefixHeader + "content-type", Value: "application/json"})
	reply, body, err := Call(e, payload)
	if err != nil {
		return err
	}
	r := newReply(reply, body)
	switch {
	case !r.OK():
		return &Error{Code: abi.Remote, Op: abi.OpInvoke, Message: "service " + strconv.Quote(service) + " answered " + strconv.Itoa(r.Status)}
	case out == nil:
		return nil
	default:
		return r.JSON(out)
	}
}
