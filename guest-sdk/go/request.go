package serai

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/seraihost/serai/abi"
)

// Field is a name and a value.
type Field = abi.Field

// Values are names and values in order; a name may repeat.
type Values []Field

// Get returns the first value of name, or "".
func (v Values) Get(name string) string { return abi.Envelope(v).Get(name) }

// All returns the values of name.
func (v Values) All(name string) []string {
	var out []string
	for _, f := range v {
		if f.Name == name {
			out = append(out, f.Value)
		}
	}
	return out
}

// Request is one call to the service.
type Request struct {
	CID        string // correlation id; it goes along to other systems and into the log
	Service    string // this service's name
	Tenant     string
	Channel    string // how the call came: abi.ChannelHTTP, abi.ChannelInvoke and so on
	Method     string // HTTP method; "" unless the call came over HTTP
	Path       string // decoded
	RawQuery   string
	Route      string // the pattern that matched, such as "GET /user/{id}"
	Host       string // that the client named
	RemoteAddr string // of the client
	Principal  string // who authenticated; "" if nobody had to
	Body       []byte // nil if the handler was registered with [HandleStream]

	envelope abi.Envelope
	stream   *stream   // the body instead, if it streams
	reader   io.Reader // of Body, once it was asked for
}

func newRequest(e abi.Envelope, body []byte) *Request {
	r := &Request{Body: body, envelope: e}
	for i := range e {
		switch v := e[i].Value; e[i].Name {
		case abi.FieldCID:
			r.CID = v
		case abi.FieldService:
			r.Service = v
		case abi.FieldTenant:
			r.Tenant = v
		case abi.FieldChannel:
			r.Channel = v
		case abi.FieldMethod:
			r.Method = v
		case abi.FieldPath:
			r.Path = v
		case abi.FieldRawQuery:
			r.RawQuery = v
		case abi.FieldRoute:
			r.Route = v
		case abi.FieldHost:
			r.Host = v
		case abi.FieldRemoteAddr:
			r.RemoteAddr = v
		case abi.FieldPrincipal:
			r.Principal = v
		}
	}
	return r
}

// Header returns the first value of a header, or ""; the name's case does not matter.
func (r *Request) Header(name string) string { return r.get(abi.PrefixHeader, strings.ToLower(name)) }

// Param returns a path parameter, or "".
func (r *Request) Param(name string) string { return r.get(abi.PrefixParam, name) }

// Query returns the first value of a query parameter, or "".
func (r *Request) Query(name string) string { return r.get(abi.PrefixQuery, name) }

// Headers returns all headers, their names in lower case.
func (r *Request) Headers() Values { return r.envelope.WithPrefix(abi.PrefixHeader) }

// Params returns all path parameters.
func (r *Request) Params() Values { return r.envelope.WithPrefix(abi.PrefixParam) }

// QueryValues returns all query parameters.
func (r *Request) QueryValues() Values { return r.envelope.WithPrefix(abi.PrefixQuery) }

// Stream reads the body, once: each call returns the same reader. With
// [HandleStream] it waits for what has not come yet, and a body that breaks
// off ends with an [*Error]: abi.Cancelled if the client went away,
// abi.Timeout if it stalled, abi.TooLarge over the service's limit. The call
// fails with that code then, unless the handler returns no error.
//
// Given to an operation as its body, or to [Response] as its Stream, it goes
// on within the host, past the service.
func (r *Request) Stream() io.Reader {
	if r.stream != nil {
		return r.stream
	}
	if r.reader == nil {
		r.reader = bytes.NewReader(r.Body)
	}
	return r.reader
}

// Length returns how many bytes the body has in all, -1 if it streams and the
// client did not tell.
func (r *Request) Length() int64 {
	if r.stream != nil {
		return r.stream.length
	}
	return int64(len(r.Body))
}

// JSON decodes the body into v, a pointer; of one that streams, what was not
// read yet. An error has the code abi.Invalid, or that of a body that breaks off.
func (r *Request) JSON(v any) error {
	body := r.Body
	if r.stream != nil {
		var err error
		if body, err = io.ReadAll(r.stream); err != nil {
			return err //nolint:wrapcheck // an error of the SDK
		}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &Error{Code: abi.Invalid, Message: "the request's body is not the JSON expected: " + err.Error(), Err: err}
	}
	return nil
}

func (r *Request) get(prefix, name string) string {
	for i := range r.envelope {
		if n := r.envelope[i].Name; len(n) == len(prefix)+len(name) && n[:len(prefix)] == prefix && n[len(prefix):] == name {
			return r.envelope[i].Value
		}
	}
	return ""
}
