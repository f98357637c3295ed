package extism

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	sdk "github.com/extism/go-sdk"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Host is what a plugin reaches outside of itself in one call.
type Host interface {
	// Do performs an operation of a connector. An error is for the plugin's
	// author; NotFound ones are answered to the plugin where Extism has an
	// answer for them.
	Do(ctx context.Context, operation abi.Envelope, body []byte) (abi.Envelope, []byte, error)
	// Print logs one record at one of abi.Level….
	Print(level int, message string)
}

// function is a host function that replaces one of the SDK's.
type function struct {
	name string
	signature
	do func(ctx context.Context, c *running, m memory, stack []uint64) error
}

// functions returns the functions of [namespace]. Their contract is that of
// the functions of these names in Extism; where they free what the plugin
// hands over, so do the SDK's.
func functions() []function {
	all := []function{
		{"config_get", signature{i64, i64}, configGet},
		{"var_get", signature{i64, i64}, varGet},
		{"var_set", signature{i64 + i64, ""}, varSet},
		{"http_request", signature{i64 + i64, i64}, httpRequest},
		{"http_status_code", signature{"", i32}, httpStatusCode},
		{"http_headers", signature{"", i64}, httpHeaders},
		{"get_log_level", signature{"", i32}, getLogLevel},
	}
	for name, level := range map[string]int{
		"log_trace": abi.LevelDebug, "log_debug": abi.LevelDebug, "log_info": abi.LevelInfo,
		"log_warn": abi.LevelWarning, "log_error": abi.LevelError,
	} {
		all = append(all, function{name, signature{i64, ""}, logAt(level)})
	}
	return all
}

// running is the state of one call.
type running struct {
	host    Host
	service string
	watch   *stopwatch
	status  int               // of the last HTTP reply
	headers map[string]string // of the last HTTP reply
	err     error             // of the host function that ended the call
}

// runningKey is the key of *running in a call's context.
type runningKey struct{}

// errEnded is what a host function panics with, the way in which wazero ends
// a guest; the real error is in running.err.
var errEnded = errors.New("host function ended the call")

// hostFunctions returns the functions for the SDK.
func hostFunctions() []sdk.HostFunction {
	all := functions()
	out := make([]sdk.HostFunction, 0, len(all))
	for _, f := range all {
		h := sdk.NewHostFunctionWithStack(f.name, func(ctx context.Context, p *sdk.CurrentPlugin, stack []uint64) {
			c, ok := ctx.Value(runningKey{}).(*running)
			if !ok {
				panic(errEnded) // not from Instance.Call: nothing may call out then
			}
			err := ctx.Err()
			if err == nil {
				err = f.do(ctx, c, memory{ctx, p}, stack)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				c.err = err
				panic(errEnded)
			}
		}, []byte(f.params), []byte(f.results))
		h.SetNamespace(namespace)
		out = append(out, h)
	}
	return out
}

// operate performs an operation while the stopwatch stands still.
func (c *running) operate(ctx context.Context, op abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
	defer c.watch.pause()()
	return c.host.Do(ctx, op, body)
}

// config_get(name) value, or 0.
func configGet(ctx context.Context, c *running, m memory, stack []uint64) error {
	name, err := m.read(stack[0])
	if err != nil {
		return err
	}
	_, value, err := c.operate(ctx, abi.Envelope{{Name: abi.FieldOp, Value: abi.OpConfigGet}, {Name: abi.FieldKey, Value: string(name)}}, nil)
	return m.answer(stack, value, err)
}

// key is where the variable of a service is in the key/value store.
func (c *running) key(name []byte) string { return "extism/" + c.service + "/" + string(name) }

// var_get(name) value, or 0.
func varGet(ctx context.Context, c *running, m memory, stack []uint64) error {
	name, err := m.take(stack[0])
	if err != nil {
		return err
	}
	_, value, err := c.operate(ctx, abi.Envelope{{Name: abi.FieldOp, Value: abi.OpKVGet}, {Name: abi.FieldKey, Value: c.key(name)}}, nil)
	return m.answer(stack, value, err)
}

// var_set(name, value): a value of 0 removes the variable.
func varSet(ctx context.Context, c *running, m memory, stack []uint64) error {
	name, err := m.take(stack[0])
	if err != nil {
		return err
	}
	op := abi.Envelope{{Name: abi.FieldOp, Value: abi.OpKVDelete}, {Name: abi.FieldKey, Value: c.key(name)}}
	var value []byte
	if stack[1] != 0 {
		op[0].Value = abi.OpKVSet
		if value, err = m.take(stack[1]); err != nil {
			return err
		}
	}
	_, _, err = c.operate(ctx, op, value)
	return err
}

// request is what plugins hand to http_request.
type request struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
}

// http_request(request, body) the reply's body, or 0 if it has none. The
// request is JSON; the body may be 0.
func httpRequest(ctx context.Context, c *running, m memory, stack []uint64) error {
	c.status, c.headers = 0, nil
	raw, err := m.take(stack[0])
	if err != nil {
		return err
	}
	var r request
	if err := json.Unmarshal(raw, &r); err != nil {
		return host.Errorf(abi.Invalid, "http_request: the request is not JSON of the form {url, method, headers}")
	}
	var body []byte
	if stack[1] != 0 {
		if body, err = m.take(stack[1]); err != nil {
			return err
		}
	}
	op := abi.Envelope{{Name: abi.FieldOp, Value: abi.OpHTTPRequest}, {Name: abi.FieldURL, Value: r.URL}, {Name: abi.FieldMethod, Value: r.Method}}
	for name, value := range r.Headers {
		op.Add(abi.PrefixHeader+strings.ToLower(name), value)
	}
	reply, content, err := c.operate(ctx, op, body)
	if err != nil {
		return err
	}
	if c.status, err = strconv.Atoi(reply.Get(abi.FieldStatus)); err != nil {
		return host.Errorf(abi.Remote, "http_request: the reply has no status")
	}
	c.headers = make(map[string]string)
	for _, f := range reply.WithPrefix(abi.PrefixHeader) {
		if before, ok := c.headers[f.Name]; ok {
			f.Value = before + "," + f.Value
		}
		c.headers[f.Name] = f.Value
	}
	stack[0] = 0
	if len(content) > 0 {
		stack[0], err = m.write(content)
	}
	return err
}

// http_status_code() the status of the last reply.
func httpStatusCode(_ context.Context, c *running, _ memory, stack []uint64) error {
	stack[0] = uint64(c.status) //nolint:gosec // three digits
	return nil
}

// http_headers() the headers of the last reply as a JSON object, or 0.
func httpHeaders(_ context.Context, c *running, m memory, stack []uint64) error {
	stack[0] = 0
	if c.headers == nil {
		return nil
	}
	b, err := json.Marshal(c.headers)
	if err != nil {
		return err
	}
	stack[0], err = m.write(b)
	return err
}

// get_log_level() the lowest level that is kept: 0, trace.
func getLogLevel(_ context.Context, _ *running, _ memory, stack []uint64) error {
	stack[0] = 0
	return nil
}

// log_*(message)
func logAt(level int) func(context.Context, *running, memory, []uint64) error {
	return func(_ context.Context, c *running, m memory, stack []uint64) error {
		message, err := m.take(stack[0])
		if err != nil {
			return err
		}
		c.host.Print(level, string(message[:min(len(message), abi.MaxLogRecord)]))
		return nil
	}
}
