package hosttest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/problem"
	"github.com/seraihost/serai/host/server"
	"github.com/seraihost/serai/host/telemetry"
)

// slack is how late a deadline may be on a loaded machine before a test
// fails; what was measured is logged.
const slack = 5 * time.Second

// inner is what belongs to the host or the service's author and no API
// client may see.
var inner = regexp.MustCompile(`Traceback|/app/|/lib/|\.py\b|\.go:|goroutine|panic|wasm|sha256:|images/|blobs/|0x[0-9a-f]{6}|/tmp/`)

// refused checks that a reply of the gateway is a problem document of the
// status and code, in which nothing of the service's or the host's inside
// shows, and returns it.
func refused(t testing.TB, r hosttest.Reply, status int, code string) *problem.Problem {
	t.Helper()
	p := problem.Parse([]byte(r.Body))
	if p == nil {
		t.Errorf("status %d with %q, want a problem document of status %d, code %s", r.Status, short(r.Body), status, code)
		return &problem.Problem{}
	}
	if r.Status != status || p.Status != status || p.Code != code || p.Type != problem.TypePrefix+code {
		t.Errorf("status %d with %s, want %d %s", r.Status, r.Body, status, code)
	}
	if kind := r.Header.Get("Content-Type"); kind != problem.ContentType {
		t.Errorf("problem document of type %q", kind)
	}
	if id := r.Header.Get("X-Request-Id"); id == "" || id != p.CID {
		t.Errorf("request id %q in the header, %q in the document", id, p.CID)
	}
	if found := inner.FindString(r.Body); found != "" || p.Failure != nil {
		t.Errorf("an API client sees %q: %s", found, r.Body)
	}
	return p
}

// controlRefused checks the code, and the field if it is not "", of an error
// of the control API.
func controlRefused(t testing.TB, err error, code, field string) *client.Error {
	t.Helper()
	e, ok := err.(*client.Error) //nolint:errorlint // the client returns it as it is
	if !ok {
		t.Errorf("error %v, want code %s", err, code)
		return &client.Error{}
	}
	if e.Code != code || field != "" && e.Field != field {
		t.Errorf("code %s, field %q (%s), want %s, %q", e.Code, e.Field, e.Message, code, field)
	}
	return e
}

// records returns what a tenant's log holds of a request.
func records(t testing.TB, h *hosttest.Host, tenant string, q client.LogQuery) []telemetry.Record {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 10_000
	}
	var out []telemetry.Record
	err := h.Operator.Logs(context.WithoutCancel(t.Context()), tenant, q, func(r telemetry.Record) error {
		out = append(out, r)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return out
}

// failureOf returns how the service failed in the request, from its log.
func failureOf(t testing.TB, h *hosttest.Host, r hosttest.Reply) host.GuestFailure {
	t.Helper()
	for _, rec := range records(t, h, host.DefaultTenant, client.LogQuery{CID: r.Header.Get("X-Request-Id")}) {
		if rec.Failure != nil {
			return *rec.Failure
		}
	}
	return host.GuestFailure{}
}

// logText is what the log holds of a request, one record a line.
func logText(t testing.TB, h *hosttest.Host, tenant string, r hosttest.Reply) string {
	t.Helper()
	var b strings.Builder
	for _, rec := range records(t, h, tenant, client.LogQuery{CID: r.Header.Get("X-Request-Id")}) {
		b.WriteString(rec.Message)
		b.WriteByte('\n')
		if f := rec.Failure; f != nil {
			b.WriteString(f.Type + ": " + f.Message + "\n" + f.Traceback + "\n")
		}
	}
	return b.String()
}

// limits returns the settings with one route and limits that edit changes.
func limits(route string, edit func(*client.Limits)) client.Settings {
	s := hosttest.Routes(route)
	s.Limits = &client.Limits{}
	edit(s.Limits)
	return s
}

func duration(d time.Duration) *host.Duration { return new(host.Duration(d)) }

// hostileOnly skips where guests are trusted and there is one tenant.
func hostileOnly(t testing.TB) {
	t.Helper()
	if server.DefaultEngine != "wasmtime" {
		t.Skipf("the engine is %s, which runs trusted guests only", server.DefaultEngine)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode[T any](t testing.TB, body string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %q", err, short(body))
	}
	return v
}

func short(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// ok checks that a reply has status 200 and the body.
func ok(t testing.TB, r hosttest.Reply, body string) {
	t.Helper()
	if r.Status != 200 || r.Body != body {
		t.Errorf("%d %s, want 200 %s", r.Status, short(r.Body), short(body))
	}
}

// basic returns the credentials of RFC 7617.
func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
