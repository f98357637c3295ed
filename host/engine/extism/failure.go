package extism

import (
	"errors"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
)

// failed is a failure of the plugin's own.
func failed(kind, message string) error {
	const most = 64 << 10
	message = strings.ToValidUTF8(message[:min(len(message), most)], "\uFFFD")
	return &host.Error{Code: abi.Failed, Message: "the service failed", Detail: &host.GuestFailure{Type: kind, Message: message}}
}

// operationFailed is the failure of a plugin that an operation failed: Extism
// has no way to tell the plugin.
func operationFailed(err error) error {
	code := host.CodeOf(err)
	switch code {
	case abi.Internal, abi.Cancelled, abi.Timeout, abi.Limit, abi.Unavailable:
		return err
	default:
	}
	return &host.Error{
		Code: abi.Failed, Message: "the service failed", Err: err,
		Detail: &host.GuestFailure{Type: code.String(), Message: host.MessageOf(err)},
	}
}

// failure tells why wazero or the SDK ended a call.
func failure(err error) error {
	if exit, ok := errors.AsType[*sys.ExitError](err); ok {
		return &engine.Exit{Status: exit.ExitCode()}
	}
	const trap, trace = "wasm error: ", "\nwasm stack trace:\n"
	text := err.Error()
	if text == "stack overflow" { // wazero adds nothing to this one
		return &engine.Trap{Reason: "call stack exhausted"}
	}
	reason, backtrace, traced := strings.Cut(text, trace)
	if _, r, ok := strings.Cut(reason, trap); ok && traced {
		return &engine.Trap{Reason: r, Backtrace: strings.ReplaceAll(strings.TrimSpace(backtrace), "\t", "")}
	}
	if traced { // a host function of the SDK's panicked
		return &engine.Trap{Reason: strings.TrimSuffix(reason, " (recovered by wazero)")}
	}
	return failed("Error", text)
}
