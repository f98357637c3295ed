//go:build !wasip1

// Package seraitest tests services written with the SDK in plain `go test`,
// without a host and without WebAssembly:
//
//	func TestGreeting(t *testing.T) {
//		h := seraitest.New(t)
//		h.KV["greeting"] = []byte("Hi")
//		reply := h.Serve(&seraitest.Call{Method: "GET", Path: "/greet"})
//		if reply.Status != 200 {
//			t.Error(reply.Status, reply.Error)
//		}
//	}
//
// A body that streams is a [Call]'s Stream, and an HTTP request's or reply's of
// [Host].HTTP:
//
//	h.HTTP["Store"] = func(r *serai.HTTPRequest) (*serai.Reply, error) {
//		_, err := io.Copy(&stored, r.Stream) // fails if the service gives it up
//		return &serai.Reply{Status: 201}, err
//	}
//	reply := h.Serve(&seraitest.Call{Path: "/store", Stream: file})
//
// The host of a test keeps keys in memory, answers HTTP requests, invocations
// and the operations of connectors with the test's own functions, and has no
// grants, quotas or time limits.
package seraitest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
)

// Host stands in for Serai. Set its fields before serving.
type Host struct {
	KV     map[string][]byte // the key/value store; without time to live
	Config map[string]string
	// HTTP answers requests by the name of their connection. A body that
	// streams is the request's Stream; the reply's may be one too.
	HTTP map[string]func(*serai.HTTPRequest) (*serai.Reply, error)
	// Services answers invocations by name.
	Services map[string]func(payload []byte) (*serai.Reply, error)
	// Operations answers operations by their names, such as "sql.execute",
	// before anything else does, with bodies as a whole even if the service
	// streams them. An error's code is that of a *serai.Error.
	Operations map[string]func(fields abi.Envelope, body []byte) (abi.Envelope, []byte, error)

	t         testing.TB
	mu        sync.Mutex
	revisions map[string]uint64
	last      uint64
	log       []string
}

var _ serai.Host = (*Host)(nil)

// New makes a host and attaches it to the SDK until the test ends. Tests
// that use it cannot run in parallel.
func New(t testing.TB) *Host {
	h := &Host{
		KV: map[string][]byte{}, Config: map[string]string{},
		HTTP:       map[string]func(*serai.HTTPRequest) (*serai.Reply, error){},
		Services:   map[string]func([]byte) (*serai.Reply, error){},
		Operations: map[string]func(abi.Envelope, []byte) (abi.Envelope, []byte, error){},
		revisions:  map[string]uint64{}, t: t,
	}
	t.Cleanup(serai.Attach(h))
	return h
}

// Call is a request to the service under test.
type Call struct {
	Method, Path string
	Params       map[string]string // path parameters
	Query        serai.Values
	Headers      serai.Values
	Body         string
	// Stream, if not nil, is the body instead, as of a client that does not
	// tell its length. Its error is one of the client's way: see
	// serai.Request.Stream.
	Stream io.Reader
}

// Reply is what the service under test answered. A failed call has an error,
// and the status 500 unless it failed after it had begun to send a reply: then
// it has that, as far as it was sent.
type Reply struct {
	serai.Reply
	Error *serai.Error
}

// Serve runs the registered handler.
func (h *Host) Serve(c *Call) *Reply {
	env := abi.Envelope{
		{Name: abi.FieldCID, Value: "test"},
		{Name: abi.FieldChannel, Value: abi.ChannelHTTP},
		{Name: abi.FieldMethod, Value: c.Method},
		{Name: abi.FieldPath, Value: c.Path},
	}
	for name, value := range c.Params {
		env.Add(abi.PrefixParam+name, value)
	}
	for _, f := range c.Query {
		env.Add(abi.PrefixQuery+f.Name, f.Value)
	}
	for _, f := range c.Headers {
		env.Add(abi.PrefixHeader+strings.ToLower(f.Name), f.Value)
	}
	var from io.Reader = strings.NewReader(c.Body)
	if c.Stream != nil {
		from = c.Stream
	}
	out, body, code := serai.Serve(env, from)
	r := &Reply{Reply: serai.Reply{Status: 200, Headers: out.WithPrefix(abi.PrefixHeader), Body: body}}
	if code != abi.OK {
		r.Error = &serai.Error{Code: code, Message: out.Get(abi.FieldErrorMessage)}
		if _, begun := out.Lookup(abi.FieldStreamBody); !begun {
			r.Status = 500
		}
	}
	if text := out.Get(abi.FieldStatus); text != "" {
		r.Status, _ = strconv.Atoi(text) // the SDK writes it
	}
	return r
}

// Logged returns the log records so far, such as "info greeting Ann".
func (h *Host) Logged() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.log)
}

// Log implements serai.Host.
func (h *Host) Log(level int, message string) {
	names := map[int]string{
		abi.LevelDebug: "debug", abi.LevelInfo: "info", abi.LevelWarning: "warning",
		abi.LevelError: "error", abi.LevelCritical: "critical",
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, names[level]+" "+message)
	h.t.Log(names[level], message)
}

// Random implements serai.Host.
func (h *Host) Random(p []byte) { _, _ = rand.Read(p) } // never fails

// Call implements serai.Host.
func (h *Host) Call(e abi.Envelope, body io.Reader) (abi.Envelope, io.ReadCloser, abi.Code) {
	out, reply, err := h.answer(e, body)
	if err != nil {
		return abi.Envelope{{Name: abi.FieldErrorMessage, Value: err.Error()}}, nil, serai.CodeOf(err)
	}
	return out, reply, abi.OK
}

func (h *Host) answer(e abi.Envelope, body io.Reader) (abi.Envelope, io.ReadCloser, error) {
	if op := e.Get(abi.FieldOp); op == abi.OpHTTPRequest && h.Operations[op] == nil {
		return h.request(e, body)
	}
	whole, err := io.ReadAll(body)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the body: %w", err)
	}
	out, reply, err := h.do(plain(e), whole)
	return out, io.NopCloser(bytes.NewReader(reply)), err
}

// plain returns an envelope without what it says of how bodies go.
func plain(e abi.Envelope) abi.Envelope {
	return slices.DeleteFunc(slices.Clone(e), func(f abi.Field) bool {
		return f.Name == abi.FieldStreamBody || f.Name == abi.FieldStreamReply || f.Name == abi.FieldStreamLength
	})
}

func (h *Host) do(e abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
	if own := h.Operations[e.Get(abi.FieldOp)]; own != nil {
		return own(e, body)
	}
	switch op := e.Get(abi.FieldOp); op {
	case abi.OpKVGet, abi.OpKVSet, abi.OpKVDelete, abi.OpKVList:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.keys(op, e, body)
	case abi.OpConfigGet:
		v, ok := h.Config[e.Get(abi.FieldKey)]
		if !ok {
			return nil, nil, serai.Errorf(abi.NotFound, "configuration key %q does not exist", e.Get(abi.FieldKey))
		}
		return nil, []byte(v), nil
	case abi.OpConfigList:
		return list(maps.Keys(h.Config), e), nil, nil
	case abi.OpInvoke, abi.OpInvokeAsync:
		return h.invoke(op, e, body)
	default:
		return nil, nil, serai.Errorf(abi.Unsupported, "operation %q does not exist", op)
	}
}

func (h *Host) keys(op string, e abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
	key := e.Get(abi.FieldKey)
	value, ok := h.KV[key]
	if ok && h.revisions[key] == 0 { // set by the test
		h.last++
		h.revisions[key] = h.last
	}
	if want, conditional := e.Lookup(abi.FieldIfRevision); conditional && want != strconv.FormatUint(h.revisions[key], 10) {
		return nil, nil, serai.Errorf(abi.Conflict, "key %q has another revision", key)
	}
	switch op {
	case abi.OpKVSet:
		h.last++
		h.KV[key], h.revisions[key] = body, h.last
		return abi.Envelope{{Name: abi.FieldRevision, Value: strconv.FormatUint(h.last, 10)}}, nil, nil
	case abi.OpKVDelete:
		delete(h.KV, key)
		delete(h.revisions, key)
		deleted := "0"
		if ok {
			deleted = "1"
		}
		return abi.Envelope{{Name: abi.FieldDeleted, Value: deleted}}, nil, nil
	case abi.OpKVList:
		return list(maps.Keys(h.KV), e), nil, nil
	default:
		if !ok {
			return nil, nil, serai.Errorf(abi.NotFound, "key %q does not exist", key)
		}
		return abi.Envelope{{Name: abi.FieldRevision, Value: strconv.FormatUint(h.revisions[key], 10)}}, value, nil
	}
}

// list returns a page of the keys.
func list(keys func(func(string) bool), e abi.Envelope) abi.Envelope {
	limit, err := strconv.Atoi(e.Get(abi.FieldLimit))
	if err != nil {
		limit = 1000
	}
	var out abi.Envelope
	for _, k := range slices.Sorted(keys) {
		if !strings.HasPrefix(k, e.Get(abi.FieldPrefix)) || k <= e.Get(abi.FieldAfter) {
			continue
		}
		if len(out) == limit {
			out.Add(abi.FieldNext, out[limit-1].Value)
			break
		}
		out.Add(abi.FieldKey, k)
	}
	return out
}

func (h *Host) request(e abi.Envelope, body io.Reader) (abi.Envelope, io.ReadCloser, error) {
	name := e.Get(abi.FieldConnection)
	answer := h.HTTP[name]
	if answer == nil {
		return nil, nil, serai.Errorf(abi.Denied, "the test has no connection %q; set Host.HTTP", name)
	}
	r := &serai.HTTPRequest{
		Method: e.Get(abi.FieldMethod), Path: e.Get(abi.FieldPath), Params: serai.Params{},
		Query: e.WithPrefix(abi.PrefixQuery), Headers: e.WithPrefix(abi.PrefixHeader),
	}
	if r.Method == "" {
		r.Method = "GET"
	}
	for _, f := range e.WithPrefix(abi.PrefixParam) {
		r.Params[f.Name] = f.Value
	}
	r.Length, _ = strconv.ParseInt(e.Get(abi.FieldStreamLength), 10, 64) // the SDK writes it
	if _, streams := e.Lookup(abi.FieldStreamBody); streams {
		r.Stream = body
	} else if r.Body, _ = io.ReadAll(body); len(r.Body) == 0 { // from memory
		r.Body = nil
	}
	return reply(answer(r))
}

func (h *Host) invoke(op string, e abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
	name := e.Get(abi.FieldService)
	answer := h.Services[name]
	if answer == nil {
		return nil, nil, serai.Errorf(abi.NotFound, "the test has no service %q; set Host.Services", name)
	}
	env, from, err := reply(answer(body))
	if err != nil {
		return nil, nil, err
	}
	defer from.Close()
	if op == abi.OpInvokeAsync {
		return abi.Envelope{{Name: abi.FieldCID, Value: "test-async"}}, nil, nil
	}
	out, err := io.ReadAll(from)
	return env, out, err //nolint:wrapcheck // the test's own
}

func reply(r *serai.Reply, err error) (abi.Envelope, io.ReadCloser, error) {
	if err != nil {
		return nil, nil, fmt.Errorf("answering: %w", err)
	}
	status := r.Status
	if status == 0 {
		status = 200
	}
	env := abi.Envelope{{Name: abi.FieldStatus, Value: strconv.Itoa(status)}}
	for _, f := range r.Headers {
		env.Add(abi.PrefixHeader+strings.ToLower(f.Name), f.Value)
	}
	if r.Stream != nil {
		return env, r.Stream, nil
	}
	return env, io.NopCloser(bytes.NewReader(r.Body)), nil
}
