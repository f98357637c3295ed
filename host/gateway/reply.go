package gateway

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/valyala/fasthttp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxReplyHeaderBytes bounds the headers of a reply, names and values together.
const maxReplyHeaderBytes = 64 << 10

// checkReply returns an error if a service's reply cannot be sent. It is
// called before any of it is written, so that a refused reply leaves no trace.
func checkReply(r *host.Reply) error {
	if r == nil {
		return host.Errorf(abi.Internal, "internal error: %w", errNoReply)
	}
	if r.Status != 0 && (r.Status < 200 || r.Status > 599) {
		return host.Errorf(abi.Failed, "the service answered with the HTTP status %d; use 200 to 599", r.Status)
	}
	size := 0
	for _, h := range r.Headers {
		if h.Name == "" || !isToken(h.Name) || !fieldValue(h.Value) {
			return host.Errorf(abi.Failed, "the service answered with a malformed header %q", host.Clip(h.Name))
		}
		size += len(h.Name) + len(h.Value)
	}
	if len(r.Headers) > abi.MaxFields || size > maxReplyHeaderBytes {
		return host.Errorf(abi.Failed, "the service answered with %d headers of %d bytes, more than a reply may have", len(r.Headers), size)
	}
	return nil
}

var errNoReply = errors.New("the invoker returned neither a reply nor an error")

func isToken(s string) bool {
	for i := range len(s) {
		if lowerToken[s[i]] == 0 {
			return false
		}
	}
	return true
}

// fieldValue reports whether s can be the value of a header: no control
// characters, so none that end a line.
func fieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// owned reports whether the gateway itself decides about a header of the
// reply: framing, the connection, and who answers when.
func owned(name string) bool {
	switch len(name) {
	case 2, 4, 6, 7, 10, 12, 14, 16, 17, 18, 19: // the lengths of the names below
	default:
		return false
	}
	var lower [19]byte
	for i := range len(name) {
		lower[i] = lowerToken[name[i]]
	}
	switch string(lower[:len(name)]) {
	case "connection", "content-length", "date", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization",
		"proxy-connection", "server", "te", "trailer", "transfer-encoding", "upgrade", "x-request-id":
		return true
	}
	return false
}

// writeReply puts a reply that checkReply found good into the response. The
// body is not copied; it must not change until the response is on its way.
// contentType, if set, is that of a reply that has none.
func writeReply(resp *fasthttp.Response, r *host.Reply, contentType string) {
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	resp.SetStatusCode(status)
	for i := range r.Headers {
		if h := &r.Headers[i]; !owned(h.Name) {
			resp.Header.Add(h.Name, h.Value)
		}
	}
	if len(r.Body) == 0 || status == http.StatusNoContent || status == http.StatusNotModified {
		return
	}
	if len(resp.Header.ContentType()) == 0 {
		resp.Header.SetContentType(cmp.Or(contentType, "application/octet-stream")) // so that no client guesses
	}
	resp.SetBodyRaw(r.Body)
}
