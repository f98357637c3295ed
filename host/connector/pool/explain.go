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

// explain turns what went wrong into an error for the service. It learns
// that a system is down or refuses, not where that system is.
func explain(ctx context.Context, name string, err error) error {
	if _, coded := errors.AsType[*host.Error](err); coded {
		return err
	}
	switch {
	case errors.Is(err, egress.ErrDenied):
		return &host.Error{Code: abi.Denied, Err: err, Message: "connection " + quote(name) + " leads to an address that it may not reach; the operator allows networks with allow_networks"}
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return &host.Error{Code: abi.Cancelled, Err: err, Message: "the caller went away"}
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return &host.Error{Code: abi.Timeout, Err: err, Message: "the system of connection " + quote(name) + " did not answer in time"}
	case errors.Is(err, connector.ErrNotConnected):
		return &host.Error{Code: abi.Unavailable, Err: err, Message: "the system of connection " + quote(name) + " cannot be reached"}
	}
	text := err.Error()
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return &host.Error{Code: abi.Remote, Err: err, Message: "the system of connection " + quote(name) + " refuses: " + strings.ToValidUTF8(text, "")}
}

// maxText bounds the text of a system's error.
const maxText = 2000

func quote(name string) string { return `"` + host.Clip(name) + `"` }

func digest(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
