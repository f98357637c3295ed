package httpclient

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/egress"
)

// maxDrain is how much of an unwanted body is read to keep its connection.
const maxDrain = 8 << 10

// send sends the request, again where that may help, and returns the last
// reply. The caller closes its body.
func (c *Client) send(ctx context.Context, out *outgoing) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		resp, err := c.follow(ctx, out)
		if attempt >= c.spec.Retries.Max || out.stream != nil || !idempotent(out.method) || !worthRetry(ctx, resp, err) {
			return resp, err
		}
		wait, ok := c.wait(ctx, attempt, resp)
		if !ok {
			return resp, err // no time is left: what there is beats a timeout
		}
		if resp != nil {
			discard(resp)
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// worthRetry reports whether the same request may fare better soon.
func worthRetry(ctx context.Context, resp *http.Response, err error) bool {
	if err != nil {
		var final *host.Error
		return ctx.Err() == nil && !errors.Is(err, egress.ErrDenied) && !errors.As(err, &final) && !untrusted(err)
	}
	return resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusServiceUnavailable ||
		resp.StatusCode == http.StatusGatewayTimeout
}

// wait returns how long to wait before the next attempt, at least half of
// the exponential backoff and what Retry-After asks for; false when the
// deadline comes first.
func (c *Client) wait(ctx context.Context, attempt int, resp *http.Response) (time.Duration, bool) {
	d := min(time.Duration(c.spec.Retries.Backoff)<<attempt, maxBackoff)
	d = d/2 + rand.N(d/2+1) //nolint:gosec // jitter
	if resp != nil {
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
			d = max(d, time.Duration(min(s, 3600))*time.Second)
		}
	}
	deadline, ok := ctx.Deadline()
	return d, !ok || time.Until(deadline) > d
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// discard ends a reply that nobody reads. A short one is read to its end, so
// that its socket serves the next request.
func discard(resp *http.Response) {
	if resp.ContentLength >= 0 && resp.ContentLength <= maxDrain {
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	_ = resp.Body.Close()
}

// follow sends the request once and follows redirects as the connection
// allows. Each hop is judged by its name here, and by its addresses in the
// dialer.
func (c *Client) follow(ctx context.Context, out *outgoing) (*http.Response, error) {
	to, headers := out.url, out.headers
	for hop := 0; ; hop++ {
		body, err := out.body.reader()
		if err != nil {
			return nil, err
		}
		req := (&http.Request{
			Method: out.method, URL: to, Host: to.Host, Header: headers, Body: body, GetBody: out.body.reader,
			ContentLength: int64(len(out.body.data)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}).WithContext(ctx)
		via := c.transport
		if out.stream != nil {
			via = c.single // a socket that the system has just closed is noticed too late for a body that is sent once
			req.Body, req.GetBody, req.ContentLength = out.stream, nil, out.stream.length
			if req.ContentLength == 0 {
				req.Body = http.NoBody
			}
		}
		resp, err := roundTrip(via, req)
		if err != nil {
			return nil, err
		}
		if !c.redirects(out, resp) {
			return resp, nil
		}
		next, err := to.Parse(resp.Header.Get("Location"))
		discard(resp)
		switch {
		case err != nil || next.Host == "" || next.Scheme != "http" && next.Scheme != "https":
			return nil, host.Errorf(abi.Remote, "the system redirects to something that is not an HTTP address")
		case hop >= c.spec.Redirects.Max:
			return nil, host.Errorf(abi.Remote, "the system redirects more than %d times", c.spec.Redirects.Max)
		case to.Scheme == "https" && next.Scheme == "http":
			return nil, host.Errorf(abi.Denied, "the system redirects from https to http, which is not followed")
		}
		next.User, next.Fragment, next.RawFragment = nil, "", ""
		if name := canonicalHost(next.Scheme, next.Host); name != c.spec.host {
			if !c.spec.allowed[name] {
				return nil, host.Errorf(abi.Denied, "the system redirects to another host; name it in redirects.allow_hosts to follow")
			}
			headers = out.stranger()
		}
		to = next
	}
}

// redirects reports whether resp is a redirect that is to be followed.
func (c *Client) redirects(out *outgoing, resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return false
	}
	return !out.bare && c.spec.Redirects.Follow && (out.method == http.MethodGet || out.method == http.MethodHead) &&
		len(out.body.data) == 0 && out.stream == nil && resp.Header.Get("Location") != ""
}

// stranger returns the headers for a host that is not the connection's own:
// none of the connection's, no credentials. Once a redirect led away they
// stay off, even if a later one leads back.
func (o *outgoing) stranger() http.Header {
	h := o.guest.Clone()
	h.Del("Authorization")
	h.Del("Cookie")
	return h
}
