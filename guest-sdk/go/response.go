package serai

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
)

// Response is the answer to a call.
type Response struct {
	Status  int    // HTTP status; 0 is 200
	Headers Values // such as {"content-type", "text/csv"}
	Body    []byte
}

// JSON returns a response with v as its body.
func JSON(v any) (*Response, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding reply: %w", err)
	}
	return Bytes("application/json", body), nil
}

// Text returns a response with plain text.
func Text(s string) *Response { return Bytes("text/plain; charset=utf-8", []byte(s)) }

// Bytes returns a response with a body of the content type.
func Bytes(contentType string, body []byte) *Response {
	return &Response{Headers: Values{{Name: "content-type", Value: contentType}}, Body: body}
}

// With sets the status and returns the response.
func (r *Response) With(status int) *Response {
	r.Status = status
	return r
}

// Set replaces a header and returns the response.
func (r *Response) Set(name, value string) *Response {
	name = strings.ToLower(name)
	for i := range r.Headers {
		if strings.EqualFold(r.Headers[i].Name, name) {
			r.Headers[i].Value = value
			return r
		}
	}
	r.Headers = append(r.Headers, Field{Name: name, Value: value})
	return r
}

func (r *Response) envelope() abi.Envelope {
	e := make(abi.Envelope, 0, len(r.Headers)+1)
	if r.Status != 0 {
		e.Add(abi.FieldStatus, strconv.Itoa(r.Status))
	}
	for _, h := range r.Headers {
		e.Add(abi.PrefixHeader+strings.ToLower(h.Name), h.Value)
	}
	return e
}
