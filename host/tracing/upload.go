package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Bounds of an export.
const (
	exportTimeout = 10 * time.Second // OpenTelemetry's own default
	attempts      = 4
	firstRetry    = 250 * time.Millisecond
	maxAnswer     = 64 << 10
)

// uploader sends spans over OTLP/HTTP as protobuf
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp). The exporter of
// OpenTelemetry that does so brings a whole gRPC along.
type uploader struct {
	url    string
	header http.Header
	client *http.Client
}

func newUploader(url string) *uploader {
	header := http.Header{"Content-Type": {"application/x-protobuf"}}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		addHeaders(header, os.Getenv(name))
	}
	// A client of its own, whose sockets Stop closes. It follows no redirects:
	// the headers may have credentials.
	return &uploader{url, header, &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 2, IdleConnTimeout: time.Minute},
		Timeout:   exportTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// addHeaders adds headers as OpenTelemetry's environment has them:
// "api-key=one%20key,other=x".
func addHeaders(to http.Header, list string) {
	for pair := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if value, err := url.PathUnescape(strings.TrimSpace(value)); ok && err == nil {
			to.Set(strings.TrimSpace(name), value)
		}
	}
}

// Start implements otlptrace.Client.
func (*uploader) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (u *uploader) Stop(context.Context) error {
	u.client.CloseIdleConnections()
	return nil
}

// errLater is that of a receiver that may take the spans a moment later.
var errLater = errors.New("the receiver is busy")

// UploadTraces implements otlptrace.Client.
func (u *uploader) UploadTraces(ctx context.Context, spans []*otlp.ResourceSpans) error {
	// The request of the protocol has this message's form, and lives in a
	// package that is gRPC's.
	body, err := proto.Marshal(&otlp.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encoding spans: %w", err)
	}
	for attempt, pause := 1, firstRetry; ; attempt, pause = attempt+1, 2*pause {
		if err = u.post(ctx, body); !errors.Is(err, errLater) || attempt == attempts {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

func (u *uploader) post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making an export: %w", err)
	}
	r.Header = u.header
	resp, err := u.client.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errLater, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the socket is used again
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("%w: it answers with status %d", errLater, resp.StatusCode)
	}
	return fmt.Errorf("the receiver answers with status %d", resp.StatusCode)
}
