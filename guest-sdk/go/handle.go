package serai

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/seraihost/serai/abi"
)

// Handler serves one call. A returned error fails the call: its text goes to
// the service's log and to whoever may see the service's failures, and its
// code, that of an [*Error] in its chain or abi.Failed, to the caller. For an
// answer that tells an API client what is wrong return a [Response] with a
// status.
type Handler func(*Request) (*Response, error)

var (
	handler Handler
	streams bool // it is called before the request's body has come
	prepare func() error
)

// Handle registers the service's handler, in an init function. The last one
// counts.
func Handle(h Handler) { handler, streams = h, false }

// HandleStream registers a handler that is called before the request's body
// has come, which need not fit into memory then. [Request.Stream] reads it;
// [Request.Body] is nil.
func HandleStream(h Handler) { handler, streams = h, true }

// Init registers a function that runs once at deploy, after all init
// functions. Its error refuses the deploy. Operations such as [KV] cannot be
// used in it, logging can.
func Init(f func() error) { prepare = f }

// boot is the service's initialisation, behind abi.ExportInit.
func boot() (failure abi.Envelope, code abi.Code) {
	defer caught(&failure, &code)
	if handler == nil {
		return failed(&Error{Code: abi.Invalid, Message: "no handler is registered; call serai.Handle in an init function"})
	}
	if prepare != nil {
		if err := prepare(); err != nil {
			return failed(err)
		}
	}
	// What initialisation left behind would be part of every image, and of
	// what the collector scans in a call.
	runtime.GC()
	warmUp()
	return nil, abi.OK
}

// serve runs the handler for one call and sets its reply, behind abi.ExportHandle.
func serve(r *Request) abi.Code {
	failure, code := answer(r)
	if failure != nil {
		hostReply(failure, nil)
	}
	return code
}

// answer returns how the call failed, or only a code if the host knows more.
func answer(r *Request) (failure abi.Envelope, code abi.Code) {
	defer caught(&failure, &code)
	resp, err := handler(r)
	switch {
	case err != nil:
		return failed(err)
	case resp == nil:
		return nil, abi.OK
	case resp.Stream == nil:
		return nil, hostReply(resp.envelope(), resp.Body)
	}
	return resp.send()
}

// failed describes an error to the host.
func failed(err error) (abi.Envelope, abi.Code) {
	code := abi.Failed
	var e *Error
	if errors.As(err, &e) && e.Code > abi.OK && e.Code.Valid() {
		code = e.Code
	}
	return abi.Envelope{
		{Name: abi.FieldErrorType, Value: reflect.TypeOf(err).String()},
		{Name: abi.FieldErrorMessage, Value: clip(err.Error(), maxMessage)},
	}, code
}

// Bounds of what is told about a failure; an envelope holds at most 1 MiB.
const (
	maxMessage   = 16 << 10
	maxTraceback = 64 << 10
)

func clip(s string, most int) string { return s[:min(len(s), most)] }

// caught turns a panic of the author's code into a failure with a traceback.
func caught(reply *abi.Envelope, code *abi.Code) {
	p := recover()
	if p == nil {
		return
	}
	*code = abi.Failed
	*reply = abi.Envelope{
		{Name: abi.FieldErrorType, Value: "panic"},
		{Name: abi.FieldErrorMessage, Value: clip(fmt.Sprint(p), maxMessage)},
		{Name: abi.FieldErrorTraceback, Value: clip(string(debug.Stack()), maxTraceback)},
	}
	if file, line := culprit(); file != "" {
		reply.Add(abi.FieldErrorFile, clip(file, maxMessage))
		reply.Add(abi.FieldErrorLine, strconv.Itoa(line))
	}
}

// culprit returns the innermost place of the panic outside of the runtime.
func culprit() (string, int) {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)]) // above Callers, culprit and caught
	for {
		f, more := frames.Next()
		if f.Function != "" && !inRuntime(f.Function) {
			return f.File, f.Line
		}
		if !more {
			return "", 0
		}
	}
}

func inRuntime(function string) bool {
	return len(function) > len("runtime.") && function[:len("runtime.")] == "runtime."
}
