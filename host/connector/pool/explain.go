package pool

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// explain turns what went wrong into an error for the service. It learns that
// a system is down or refuses, not where that system is, nor a secret that
// the system repeats.
//
// cause is why the caller's context ended, if it did. r is nil for what did
// not get as far as a connection.
func (s *slot) explain(cause error, r *redactor, err error) error {
	if r == nil {
		s.mu.Lock()
		r = s.redact
		s.mu.Unlock()
	}
	return explain(cause, quote(s.key.name), r, err)
}

// explain returns an error whose message is for services, and whose chain is
// for the log, without secrets.
func explain(cause error, name string, r *redactor, err error) *host.Error {
	out := explained(cause, name, r, err)
	if text := r.secretsIn(err.Error()); text != err.Error() {
		err = &redacted{text, err}
	}
	out.Err = err
	return out
}

func explained(cause error, name string, r *redactor, err error) *host.Error {
	if e, coded := errors.AsType[*host.Error](err); coded {
		out := *e
		out.Message = r.forService(e.Message)
		return &out
	}
	switch {
	case errors.Is(err, egress.ErrDenied):
		return &host.Error{Code: abi.Denied, Message: "connection " + name + " leads to an address that it may not reach; the operator allows networks with allow_networks"}
	case errors.Is(cause, context.Canceled):
		return &host.Error{Code: abi.Cancelled, Message: "the caller went away"}
	case cause != nil, errors.Is(err, context.DeadlineExceeded):
		return &host.Error{Code: abi.Timeout, Message: "the system of connection " + name + " did not answer in time"}
	case errors.Is(err, connector.ErrNotConnected):
		return &host.Error{Code: abi.Unavailable, Message: "the system of connection " + name + " cannot be reached"}
	}
	text := r.forService(err.Error())
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return &host.Error{Code: abi.Remote, Message: "the system of connection " + name + " refuses: " + strings.ToValidUTF8(text, "")}
}

// redacted is an error whose text had secrets in it.
type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }
func (e *redacted) Unwrap() error { return e.err }

// maxText bounds the text of a system's error.
const maxText = 2000

func quote(name string) string { return `"` + host.Clip(name) + `"` }

func digest(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
