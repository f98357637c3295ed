package serai

import (
	"encoding/json"
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
	Body       []byte

	envelope abi.Envelope
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

// JSON decodes the body into v, a pointer. An error has the code abi.Invalid.
func (r *Request) JSON(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
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
