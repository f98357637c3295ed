package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// maxReply bounds the reply to a test's call; services answer less.
const maxReply = 64 << 20

// client leaves redirects and credentials to the tests.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// call sends a request to the gateway, as a client would.
func (s *Stage) call(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	target := r.Envelope.Get(abi.FieldURL)
	if !strings.HasPrefix(target, "/") {
		return nil, host.FieldErrorf("path", "path %q: begin it with a slash, such as /user/7", host.Clip(target))
	}
	req, err := http.NewRequestWithContext(ctx, r.Envelope.Get(abi.FieldMethod), "http://"+s.Gateway()+target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, host.Errorf(abi.Invalid, "call: %w", err)
	}
	for _, f := range r.Envelope {
		if name, ok := strings.CutPrefix(f.Name, abi.PrefixHeader); ok {
			req.Header.Add(name, f.Value)
			if strings.EqualFold(name, "host") {
				req.Host = f.Value
			}
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("calling the gateway: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading the gateway's reply: %w", err)
	}
	res := &connector.Result{Body: body}
	res.Envelope.Add(abi.FieldStatus, strconv.Itoa(resp.StatusCode))
	for name, values := range resp.Header {
		for _, v := range values {
			res.Envelope.Add(abi.PrefixHeader+strings.ToLower(name), v)
		}
	}
	return res, nil
}
