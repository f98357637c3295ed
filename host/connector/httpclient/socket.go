package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// errBroken is joined to errors of requests whose socket ended meanwhile. What
// it had said until then is often no HTTP, but that is not what is wrong.
var errBroken = errors.New("the system ended the connection")

// socket is a connection that remembers that the other side has ended it.
type socket struct {
	net.Conn
	ended atomic.Bool
}

// Read implements [net.Conn].
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err != nil {
		s.ended.Store(true)
	}
	return n, err
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// watching returns a dialer of sockets.
func watching(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &socket{Conn: conn}, nil
	}
}

// roundTrip sends a request without following redirects.
func roundTrip(via *http.Transport, req *http.Request) (*http.Response, error) {
	var used atomic.Pointer[socket]
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		conn := info.Conn
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn()
		}
		if s, ok := conn.(*socket); ok {
			used.Store(s)
		}
	}})
	resp, err := via.RoundTrip(req.WithContext(ctx))
	if s := used.Load(); err != nil && s != nil && s.ended.Load() {
		err = errors.Join(err, errBroken)
	}
	return resp, err
}
