package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
)

// Error is an error with a code. Its message is fit for the caller: it names
// the field, the value's place and the remedy, and holds no secret and
// nothing of another tenant. What it wraps is for the host's log only.
type Error struct {
	Code    abi.Code
	Message string
	// Field is the place of the bad value in the input, such as
	// "route" or "quota.memory"; "" if no single field is at fault.
	Field string
	// RetryAfter is when trying again makes sense; 0 if unknown.
	RetryAfter time.Duration
	// Detail is what the guest itself reported, for its author.
	Detail *GuestFailure
	// Open says that API clients may see Detail: the version is one of
	// serai dev.
	Open bool
	Err  error
}

// GuestFailure is how a guest's own code failed. It goes to the service's
// log and to its author, never to API clients.
type GuestFailure struct {
	Type      string `json:"type,omitempty"`
	Message   string `json:"message,omitempty"`
	Traceback string `json:"traceback,omitempty"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	// CIDHeader is a header, besides X-Request-Id, in which the guest's API
	// clients look for the request id. It is not checked.
	CIDHeader string `json:"-"`
}

// Error returns the message, and what it wraps if the message does not say that.
func (e *Error) Error() string {
	if e.Err != nil && !strings.Contains(e.Message, e.Err.Error()) {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an *[Error] of the code. The text of an error that %w wraps
// is part of the message, so it must be fit for the caller; where it is not,
// make an Error with Err instead.
func Errorf(code abi.Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// FieldErrorf returns an invalid-argument [Error] about the named field.
func FieldErrorf(field, format string, args ...any) *Error {
	e := Errorf(abi.Invalid, format, args...)
	e.Field = field
	return e
}

// CodeOf returns the code of the first [Error] in err's chain, the code that
// fits a context error, and [abi.Internal] otherwise.
func CodeOf(err error) abi.Code {
	var e *Error
	switch {
	case err == nil:
		return abi.OK
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.DeadlineExceeded):
		return abi.Timeout
	case errors.Is(err, context.Canceled):
		return abi.Cancelled
	default:
		return abi.Internal
	}
}

// MessageOf returns what a caller may read of err: the message of the first
// [Error] in its chain, or a sentence that gives nothing away.
func MessageOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	switch CodeOf(err) {
	case abi.Timeout:
		return "the deadline passed"
	case abi.Cancelled:
		return "the caller went away"
	default:
		return "internal error; the host's log has the detail under the request id"
	}
}

// Explain returns [MessageOf] err, and if a guest's own code failed, the class
// and the message of that. It is for callers that belong to the guest's tenant.
func Explain(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Detail != nil && e.Detail.Type != "" {
		text := e.Detail.Type
		if e.Detail.Message != "" && e.Detail.Message != text {
			text += ": " + e.Detail.Message
		}
		return text
	}
	return MessageOf(err)
}
