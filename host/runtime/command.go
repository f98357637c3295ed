package runtime

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/guest"
)

// serveCommand serves a call by a WASI command: the request's body is its
// standard input, the metadata its environment, its standard output the
// reply's body, and an exit status other than zero a failed call.
func serveCommand(ctx context.Context, in engine.Instance, call *host.Call, s *guest.Session, c *engine.Call) (*host.Reply, error) {
	s.System.Args = []string{call.Service}
	s.System.Env = metaVariables(call)
	s.System.Stdin = bytes.NewReader(call.Body)
	s.System.Stdout = bodyWriter{s}
	_, err := in.Call(ctx, c, wasiStart)
	var exit *engine.Exit
	if errors.As(err, &exit) && exit.Status == 0 {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	r := s.Reply()
	kind := "application/octet-stream"
	if utf8.Valid(r.Body) {
		kind = "text/plain; charset=utf-8"
	}
	r.Headers = append(r.Headers, abi.Field{Name: "content-type", Value: kind})
	return r, nil
}

// bodyWriter appends to the reply's body; over the limit it ends the call.
type bodyWriter struct{ s *guest.Session }

func (w bodyWriter) Write(p []byte) (int, error) {
	if w.s.WriteBody(p) != nil {
		return 0, guest.LargeReply(w.s.Scope.Limits)
	}
	return len(p), nil
}

// metaVariables returns the request's meta-variables (RFC 3875, section 4.1)
// as "NAME=value". SCRIPT_NAME is empty: PATH_INFO holds the whole path.
// Parameters of the path are PARAM_<NAME>, which the RFC does not know.
func metaVariables(call *host.Call) []string {
	e := call.Envelope
	hostName, port := e.Get(abi.FieldHost), "80"
	if _, p, err := net.SplitHostPort(e.Get(abi.PrefixHeader + "host")); err == nil && p != "" {
		port = p
	}
	env := []string{
		"GATEWAY_INTERFACE=CGI/1.1",
		"SERVER_SOFTWARE=Serai",
		"SERVER_PROTOCOL=HTTP/1.1",
		"SERVER_NAME=" + cmp.Or(hostName, "localhost"),
		"SERVER_PORT=" + port,
		"REQUEST_METHOD=" + cmp.Or(e.Get(abi.FieldMethod), "POST"), // services invoke without one
		"SCRIPT_NAME=",
		"PATH_INFO=" + e.Get(abi.FieldPath),
		"QUERY_STRING=" + e.Get(abi.FieldRawQuery),
		"REMOTE_ADDR=" + e.Get(abi.FieldRemoteAddr),
		"CONTENT_LENGTH=" + strconv.Itoa(len(call.Body)),
		"CONTENT_TYPE=" + e.Get(abi.PrefixHeader+"content-type"),
		"SERAI_CID=" + call.CID,
		"SERAI_SERVICE=" + call.Service,
		"SERAI_TENANT=" + call.Tenant,
	}
	if user := e.Get(abi.FieldPrincipal); user != "" {
		env = append(env, "REMOTE_USER="+user, "AUTH_TYPE=Basic")
	}
	for _, f := range e.WithPrefix(abi.PrefixHeader) {
		if n := variable(f.Name); n != "CONTENT_TYPE" && n != "CONTENT_LENGTH" && n != "PROXY" {
			env = append(env, "HTTP_"+n+"="+f.Value)
		}
	}
	for _, f := range e.WithPrefix(abi.PrefixParam) {
		env = append(env, fmt.Sprintf("PARAM_%s=%s", variable(f.Name), f.Value))
	}
	clean := env[:0]
	for _, v := range env {
		if !strings.ContainsRune(v, 0) { // C strings cannot hold it
			clean = append(clean, v)
		}
	}
	return clean
}

// variable turns a header's or parameter's name into a variable's.
func variable(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, name)
}
