package serai

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
)

// Response is the answer to a call.
type Response struct {
	Status  int    // HTTP status; 0 is 200
	Headers Values // such as {"content-type", "text/csv"}
	Body    []byte
	// Stream, if not nil, is what follows Body. It is read after the handler
	// has returned, as fast as the client takes it, and closed then if it is an
	// io.Closer. [Written] makes one of what writes.
	//
	// The status goes out with the first bytes. If the body fails after that,
	// so does the call, and the client's connection breaks.
	Stream io.Reader
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

// send sets a reply whose body goes on with a stream, and sends that. It
// returns as [answer] does.
func (r *Response) send() (abi.Envelope, abi.Code) {
	defer closeReader(r.Stream)
	e := r.envelope()
	if s, ok := r.Stream.(*stream); ok {
		if err := s.passOn(&e); err != nil {
			return failed(err)
		}
		return nil, hostReply(e, r.Body)
	}
	if more, ok := whole(r.Stream); ok {
		return nil, hostReply(e, join(r.Body, more))
	}
	begun := false
	w := sink{write: func(p []byte) (int, abi.Code) {
		if begun {
			return hostWrite(abi.HandleReply, p)
		}
		begun = true
		e.Add(abi.FieldStreamBody, abi.StreamWrite)
		return len(p), hostReply(e, join(r.Body, p))
	}}
	_, err := io.Copy(&w, r.Stream)
	switch {
	case w.ended:
		return nil, max(w.code, abi.Failed)
	case err != nil:
		return failed(fmt.Errorf("reading the reply's body: %w", err))
	case !begun:
		return nil, hostReply(e, r.Body)
	}
	return nil, abi.OK
}

func (r *Response) envelope() abi.Envelope {
	e := make(abi.Envelope, 0, len(r.Headers)+2)
	if r.Status != 0 {
		e.Add(abi.FieldStatus, strconv.Itoa(r.Status))
	}
	for _, h := range r.Headers {
		e.Add(abi.PrefixHeader+strings.ToLower(h.Name), h.Value)
	}
	return e
}
