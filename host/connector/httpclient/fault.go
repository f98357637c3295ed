package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// fault turns an error of a request into one with a code. Its message names
// the connection and says nothing of addresses; the cause is kept for the log.
func fault(ctx context.Context, name string, err error) error {
	code, text := abi.Remote, "does not speak HTTP"
	var coded *host.Error
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.As(err, &coded):
		code, text = coded.Code, coded.Message
	case errors.Is(err, connector.ErrNotConnected):
		return err
	case errors.Is(err, egress.ErrDenied):
		code, text = abi.Denied, "leads to an address that it may not reach; the operator can allow the network for this connection"
	case errors.Is(context.Cause(ctx), context.Canceled):
		code, text = abi.Cancelled, "was given up since the caller went away"
	case errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		code, text = abi.Timeout, "did not answer in time"
	case errors.As(err, &dns):
		code, text = abi.Unavailable, "names a host that does not resolve"
	case untrusted(err):
		text = "presents a certificate that is not trusted; see config.tls"
	case errors.As(err, &op) && op.Op == "dial":
		code, text = abi.Unavailable, "cannot be reached"
	case errors.As(err, &op) && op.Net != "", errors.Is(err, errBroken), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		code, text = abi.Unavailable, "broke off"
	}
	return &host.Error{Code: code, Message: "connection \"" + host.Clip(name) + "\": " + text, Err: err}
}

// untrusted reports whether err is about the system's certificate.
func untrusted(err error) bool {
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	return errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &name)
}
