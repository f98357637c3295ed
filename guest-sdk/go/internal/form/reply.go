package form

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
)

// Reply is what an operation answered. The host writes it, so that what it
// holds has the form that the operation's description says.
type Reply struct {
	abi.Envelope
	Body   []byte
	Stream io.ReadCloser // the body instead, of [Request.DoStream]
}

// Int returns a whole number, 0 if it is not there.
func (r Reply) Int(name string) int64 {
	n, _ := strconv.ParseInt(r.Get(name), 10, 64) // the host writes it
	return n
}

// Bool returns yes or no.
func (r Reply) Bool(name string) bool { return r.Get(name) == "1" }

// Duration returns a time, 0 if it is not there.
func (r Reply) Duration(name string) time.Duration {
	return time.Duration(r.Int(name)) * time.Millisecond
}

// JSON returns what is JSON, nil if it is not there.
func (r Reply) JSON(name string) json.RawMessage {
	if v := r.Get(name); v != "" {
		return json.RawMessage(v)
	}
	return nil
}

// All returns the values of a field that repeats.
func (r Reply) All(name string) []string { return serai.Values(r.Envelope).All(name) }

// Values returns the fields whose names begin with prefix, without it.
func (r Reply) Values(prefix string) serai.Values { return r.WithPrefix(prefix) }

// Optional returns what read reads, nil if it is not there.
func Optional[T any](r Reply, name string, read func(r Reply, name string) T) *T {
	if _, ok := r.Lookup(name); !ok {
		return nil
	}
	v := read(r, name)
	return &v
}

// Text returns text, "" if it is not there.
func (r Reply) Text(name string) string { return r.Get(name) }
