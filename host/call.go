package host

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
)

// Call is one request to a service, whatever channel it came by.
type Call struct {
	Tenant  string
	Service string
	Version string // a digest; "" is the running version
	CID     string // correlation id, never empty
	Channel string // one of abi.Channel…
	// Envelope holds what the channel adds: method, path, header.*, param.*
	// and so on. Dispatch adds cid, service, version, tenant and channel.
	Envelope abi.Envelope
	Body     []byte
	// Stream, if not nil, is the body instead of Body and comes as it is read,
	// once. Close may be called at any time, by any goroutine, and ends a Read
	// that waits. An error of Read says by its code what became of the body.
	Stream io.ReadCloser
	Length int64 // bytes in Stream, -1 if unknown
	// Answer, if not nil, takes a reply without its body, and returns where
	// that goes as it is written. The reply that the call returns then says
	// so by Sent; an error of the call says that the body is not complete.
	Answer func(*Reply) (ReplyBody, error)
	Depth  int // services above this one that wait for it
}

// Reply is what a service answered.
type Reply struct {
	Status  int         // HTTP status, 200 by default
	Headers []abi.Field // names in lower case; may repeat
	Body    []byte
	Sent    bool // Call.Answer has taken it already
}

// ReplyBody takes the body of a reply that streams.
type ReplyBody interface {
	// Write returns when what it is given is on its way.
	Write(p []byte) (int, error)
	// Finish is called when the service has ended well. Its error says that
	// the body is not what the reply's head has promised.
	Finish() error
	// Close may be called at any time, by any goroutine, and ends a Write
	// that waits.
	Close() error
}

// CheckCID returns an [Error] about field "cid" unless s can be a correlation id.
func CheckCID(s string) error {
	const most = 64
	if s == "" || len(s) > most || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return FieldErrorf("cid", "cid %q: use 1 to %d printable ASCII characters without space", Clip(s), most)
	}
	return nil
}

// ContentType returns the reply's media type in lower case, without parameters.
func (r *Reply) ContentType() string {
	for _, h := range r.Headers {
		if h.Name == "content-type" {
			kind, _, _ := strings.Cut(h.Value, ";")
			return strings.ToLower(strings.TrimSpace(kind))
		}
	}
	return ""
}

// Problem returns what is wrong, with its class, if the reply is how the
// service says that it refuses the call: a problem document (RFC 9457) with a
// status above 399. It returns "" for any other reply, whatever its status.
func (r *Reply) Problem() string {
	if r.Status < 400 || r.ContentType() != "application/problem+json" {
		return ""
	}
	var problem struct{ Title, Detail string }
	_ = json.Unmarshal(r.Body, &problem) // one that cannot be read has neither
	text := strings.ReplaceAll(cmp.Or(problem.Title, strconv.Itoa(r.Status)), " ", "")
	if problem.Detail != "" {
		text += ": " + problem.Detail
	}
	return text
}

// Invoker runs calls. An error is an *[Error]; a reply with a status above
// 399 is a reply.
type Invoker interface {
	Invoke(ctx context.Context, call *Call) (*Reply, error)
}
