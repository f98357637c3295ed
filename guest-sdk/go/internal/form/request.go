// Package form turns arguments into the request of an operation, and its reply
// into values. The generated packages, such as sql, are made of it.
package form

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
)

// What these packages encode whatever the service does, see [serai.Warm].
func init() { serai.Warm("", map[string]any{"a": ""}, []any{""}) }

// Request is what an operation is asked.
type Request struct {
	Body   []byte
	Stream io.Reader // what follows Body; nil if nothing does
	Length int64     // bytes of both, 0 if that is not known

	op     string
	fields abi.Envelope
	object bool // Body is one, and has no end yet
	err    error
}

// New returns a request for an operation, with room for so many fields. An
// operation of the host itself has no connection.
func New(op, connection string, fields int) *Request {
	r := &Request{op: op, fields: make(abi.Envelope, 0, fields+2)}
	r.fields.Add(abi.FieldOp, op)
	if connection != "" {
		r.fields.Add(abi.FieldConnection, connection)
	}
	return r
}

// Add adds a field.
func (r *Request) Add(name, value string) { r.fields.Add(name, value) }

// JSON adds a field with v as JSON; nil is left out.
func (r *Request) JSON(name string, v any) {
	if v == nil {
		return
	}
	r.Add(name, string(r.encode(name, v)))
}

// Member adds a member of the object that the body is; nil is left out.
func (r *Request) Member(name string, v any) {
	if v == nil {
		return
	}
	r.Body = append(append(append(r.Body, ",{"[b2i(!r.object)], '"'), name...), '"', ':')
	r.object = true
	if text, ok := v.(string); ok {
		r.Body = AppendText(r.Body, text)
		return
	}
	r.Body = append(r.Body, r.encode(name, v)...)
}

// AppendText appends text as JSON. Most of it, statements above all, is the
// same there.
func AppendText(out []byte, text string) []byte {
	if plain(text) {
		return append(append(append(out, '"'), text...), '"')
	}
	raw, _ := json.Marshal(text) // text is always encoded
	return append(out, raw...)
}

// plain reports whether text is the same in JSON.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Whole makes v, as JSON, the body; nil is none.
func (r *Request) Whole(v any) {
	if v != nil {
		r.Body = r.encode("body", v)
	}
}

func (r *Request) encode(name string, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil && r.err == nil {
		r.err = &serai.Error{Code: abi.Invalid, Op: r.op, Message: name + " is nothing that JSON can hold: " + err.Error(), Err: err}
	}
	return raw
}

// Do performs the operation. An error is a [*serai.Error], or that of Stream.
func (r *Request) Do() (Reply, error) {
	if r.err != nil {
		return Reply{}, r.err
	}
	if r.object {
		r.Body = append(r.Body, '}')
	}
	var fields abi.Envelope
	var body []byte
	var err error
	if r.Stream == nil {
		fields, body, err = serai.Call(r.fields, r.Body)
	} else {
		r.tellLength()
		fields, body, err = serai.CallFrom(r.fields, r.Body, r.Stream)
	}
	return Reply{Envelope: fields, Body: body}, err
}

// DoStream performs an operation whose body is no object, and returns the
// reply with its body yet to come, in Stream. Errors are those of [Request.Do].
func (r *Request) DoStream() (Reply, error) {
	if r.err != nil {
		return Reply{}, r.err
	}
	r.tellLength()
	fields, stream, err := serai.CallStream(r.fields, r.Body, r.Stream)
	return Reply{Envelope: fields, Stream: stream}, err
}

func (r *Request) tellLength() {
	if r.Length > 0 && r.Stream != nil {
		r.Add(abi.FieldStreamLength, Int(r.Length))
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Int formats a whole number.
func Int(n int64) string { return strconv.FormatInt(n, 10) }

// Bool formats yes and no.
func Bool(b bool) string { return "01"[b2i(b) : b2i(b)+1] }

// Milliseconds formats a time, rounded up so that a short one does not become
// none.
func Milliseconds(d time.Duration) string {
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return Int(int64(ms))
}
