package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/extism"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/guest"
)

// extismProgram is an Extism plugin. It has no image: an instance serves one
// call, unless the service is warm.
type extismProgram struct{ plugin *extism.Program }

type extismInstance struct{ plugin *extism.Instance }

var (
	_ Program  = extismProgram{}
	_ Instance = extismInstance{}
)

// newExtism compiles a plugin; cacheDir keeps what it compiles to.
func newExtism(ctx context.Context, code []byte, settings host.Settings, cacheDir string) (Program, error) {
	p, err := extism.Compile(ctx, code, extism.Options{
		Export:    settings.Export,
		MaxMemory: uint64(max(settings.Limits.Memory, 0)),
		CacheDir:  cacheDir,
	})
	if err != nil {
		return nil, Failure(err, "become ready", settings.Limits)
	}
	return extismProgram{p}, nil
}

// Start implements [Program].
func (p extismProgram) Start(ctx context.Context) (Instance, error) {
	in, err := p.plugin.Start(ctx)
	if err != nil {
		return nil, err
	}
	return extismInstance{in}, nil
}

// Close implements [Program].
func (p extismProgram) Close() error { return p.plugin.Close() }

// Run implements [Instance]: the request's body is the plugin's input, its
// output the reply's body.
func (i extismInstance) Run(ctx context.Context, call *host.Call, s *guest.Session, c *engine.Call) (*host.Reply, error) {
	x := extism.Call{Host: pluginHost{s}, Service: call.Service, Input: call.Body, CPU: c.CPU}
	out, err := i.plugin.Call(ctx, &x)
	c.Used += x.Used
	if err == nil {
		err = s.WriteBody(out)
	}
	if err != nil {
		return nil, Failure(err, "answer", s.Scope.Limits)
	}
	r := s.Reply()
	r.Headers = append(r.Headers, abi.Field{Name: "content-type", Value: contentType(r.Body)})
	return r, nil
}

// contentType is what the bytes look like: plugins do not say.
func contentType(b []byte) string {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) > 0 && (b[0] == '{' || b[0] == '[') && json.Valid(b):
		return "application/json"
	case utf8.Valid(b):
		return "text/plain; charset=utf-8"
	default:
		return "application/octet-stream"
	}
}

// errOneCall says that a new instance is faster than making a plugin pristine.
var errOneCall = errors.New("an instance of a plugin serves one call")

// Reset implements [Instance].
func (i extismInstance) Reset() (image.Stats, error) { return image.Stats{}, errOneCall }

// MemoryBytes implements [Instance].
func (i extismInstance) MemoryBytes() int64 { return i.plugin.MemoryBytes() }

// Close implements [Instance].
func (i extismInstance) Close() error { return i.plugin.Close() }

// pluginHost lets a plugin reach its session's operations and log.
type pluginHost struct{ s *guest.Session }

var _ extism.Host = pluginHost{}

// Do implements [extism.Host].
func (h pluginHost) Do(ctx context.Context, op abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
	if h.s.Ops == nil {
		return nil, nil, host.Errorf(abi.Denied, "operations cannot be used while a service is being initialised")
	}
	if most := h.s.Scope.Quota.RequestBytes; int64(len(body)) > int64(most) {
		return nil, nil, host.Errorf(abi.TooLarge, "payload of %d bytes, at most %s", len(body), most)
	}
	if len(op) > abi.MaxFields || op.Size() > abi.MaxEnvelopeSize {
		return nil, nil, host.Errorf(abi.TooLarge, "the operation's fields have %d bytes, at most %d", op.Size(), abi.MaxEnvelopeSize)
	}
	res, err := h.s.Ops.Do(ctx, &connector.Request{Scope: h.s.Scope, Envelope: op, Body: body})
	if err != nil {
		return nil, nil, err
	}
	return res.Envelope, res.Body, nil
}

// Print implements [extism.Host].
func (h pluginHost) Print(level int, message string) { h.s.Print(level, message) }
