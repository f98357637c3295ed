package serai

import (
	"errors"
	"fmt"

	"github.com/seraihost/serai/abi"
)

// Error is an error with a code. The host answers operations with it, and a
// handler may return one.
type Error struct {
	Code    abi.Code
	Message string
	Op      string // the operation that failed, such as "kv.set"; "" if none
	Err     error
}

// Errorf returns an error of the code.
func Errorf(code abi.Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the operation and the message.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = e.Code.String()
	}
	if e.Op == "" {
		return text
	}
	return e.Op + ": " + text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of err: OK for nil, abi.Failed when it has none.
func CodeOf(err error) abi.Code {
	var e *Error
	switch {
	case err == nil:
		return abi.OK
	case errors.As(err, &e):
		return e.Code
	default:
		return abi.Failed
	}
}

// IsNotFound reports whether err says that a key, service or connection does not exist.
func IsNotFound(err error) bool { return CodeOf(err) == abi.NotFound }

// IsConflict reports whether err says that a key's revision is another one.
func IsConflict(err error) bool { return CodeOf(err) == abi.Conflict }
