package httpclient

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// result reads a reply. The body is decompressed and bounded.
func (c *Client) result(resp *http.Response) (out reply, err error) {
	out.Status = resp.StatusCode
	if out.Headers, err = headersOf(resp); err != nil {
		return out, err
	}
	out.Body, err = readBody(resp, int64(c.spec.MaxResponseBytes))
	return out, err
}

// headersOf returns the headers that are about the reply rather than about
// the connection, in the order of their names.
func headersOf(resp *http.Response) ([]abi.Field, error) {
	out := make(abi.Envelope, 0, len(resp.Header))
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		if hostsOwn[name] && name != "Content-Length" || len(abi.PrefixHeader)+len(name) > abi.MaxNameBytes {
			continue
		}
		field := strings.ToLower(name)
		for _, v := range resp.Header[name] {
			out.Add(field, v)
		}
	}
	if len(out) >= abi.MaxFields || out.Size()+len(out)*len(abi.PrefixHeader)+64 > abi.MaxEnvelopeSize {
		return nil, host.Errorf(abi.Remote, "the system answers with %d headers, more than fit", len(out))
	}
	return out, nil
}

// firstRead is what is set aside for a body before any of it has come; a
// length that the system only promises is not trusted with more.
const firstRead = 64 << 10

func readBody(resp *http.Response, most int64) ([]byte, error) {
	if resp.ContentLength > most && resp.Request.Method != http.MethodHead {
		return nil, tooLarge(most)
	}
	if resp.ContentLength == 0 || resp.Body == http.NoBody {
		return nil, nil
	}
	first := int64(512)
	if resp.ContentLength > 0 {
		first = min(resp.ContentLength+1, firstRead)
	}
	body := make([]byte, 0, first)
	for {
		n, err := resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > most:
			return nil, tooLarge(most)
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, fmt.Errorf("reading reply: %w", err)
		case len(body) == cap(body):
			body = slices.Grow(body, min(len(body), int(most)-len(body)+1))
		}
	}
}

func tooLarge(most int64) error {
	return host.Errorf(abi.TooLarge, "the system's reply is over %s, the connection's max_response_bytes", host.Bytes(most))
}
