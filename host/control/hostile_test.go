package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/telemetry"
)

// raw sends bytes and returns all responses until the server closes.
func raw(t *testing.T, f *fixture, request string) []*http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go io.WriteString(conn, request)
	var out []*http.Response
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return out
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return out
		}
		out = append(out, resp)
		if resp.Close {
			return out
		}
	}
}

// TestUnreadBodyIsNoRequest sends requests whose body holds another request
// and is refused before it is read.
func TestUnreadBodyIsNoRequest(t *testing.T) {
	f := newFixture(t)
	hidden := "GET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n"
	padding := strings.Repeat(hidden, 200_000/len(hidden))
	for name, request := range map[string]string{
		"length":  fmt.Sprintf("PUT /v1/tenants/a/services/s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(padding), padding),
		"chunked": fmt.Sprintf("PUT /v1/tenants/a/services/s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(padding), padding),
	} {
		responses := raw(t, f, request)
		if len(responses) > 1 || len(responses) == 1 && responses[0].StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d responses, the first %+v", name, len(responses), responses[0].Status)
		}
	}
}

// TestRefusedUploadIsAnswered wants the answer, not a broken connection,
// although most of the body was not looked at.
func TestRefusedUploadIsAnswered(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.do(f.operator, "PATCH", "/v1/tenants/acme", `{"quota":{"module_bytes":"1KiB"}}`, 200)
	for range 5 {
		if a := f.upload(token, "acme", "s", "", host.TypePython, strings.Repeat("x", 20<<20)); a.StatusCode != 413 {
			t.Fatalf("status %d: %s", a.StatusCode, a.body)
		}
	}
}

func TestShutdownEndsStreams(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.book.Append(telemetry.Record{Tenant: "acme", Service: "s", Level: abi.LevelInfo, Message: "there"})
	req, err := http.NewRequestWithContext(t.Context(), "GET", f.url+"/v1/tenants/acme/logs?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if err := f.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error("the stream broke instead of ending:", err)
	}
}

func TestTooManyFollowers(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	for range followers {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		f.book.Follow(ctx, "acme", telemetry.Filter{})
	}
	a := f.do(token, "GET", "/v1/tenants/acme/logs?follow=true", "", 503)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestShutdownWaitsForCalls(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.upload(token, "acme", "slow", "", host.TypePython, "x")
	status := make(chan int, 1)
	go func() { status <- f.send(token, "POST", "/v1/tenants/acme/services/slow/invoke", "", nil).StatusCode }()
	<-began
	down := make(chan error, 1)
	go func() { down <- f.server.Shutdown(t.Context()) }()
	<-f.server.open.Done()
	close(finish)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the call in progress was answered with %d", got)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func TestShutdownBeforeServe(t *testing.T) {
	f := newFixture(t)
	s, err := New(f.server.cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Serve(l); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is open")
	}
}

// FuzzSettings feeds the settings part of a deploy: whatever is taken is
// within the quota.
func FuzzSettings(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"limits":{"memory":"64MiB","timeout":"5s"}}`, `{"routes":[{"path":"/x","method":"GET"}],"isolation":"warm"}`,
		`{"grants":{"keys":[]}}`, `{"limits":{"memory":-1}}`, `{"limits":null}`, `[]`, `null`, `{"keep":true}{}`,
	} {
		f.Add([]byte(s))
	}
	q := host.DefaultQuota()
	f.Fuzz(func(t *testing.T, b []byte) {
		var o options
		if err := decode(b, &o); err != nil {
			if host.CodeOf(err) != abi.Invalid {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		s, err := o.settings(host.DefaultSettings(q), q)
		if err != nil {
			return
		}
		if s.Limits.Memory > q.Memory || s.Limits.Memory <= 0 || s.Limits.Timeout > q.Timeout || s.Limits.CPU <= 0 || s.Limits.InFlight < 1 {
			t.Fatalf("taken: %+v", s.Limits)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzForm feeds the multipart form of a deploy.
func FuzzForm(f *testing.F) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	must := func(err error) {
		if err != nil {
			f.Fatal(err)
		}
	}
	must(w.SetBoundary("B"))
	must(w.WriteField("settings", "{}"))
	p, err := w.CreateFormFile("module", "../a.py")
	must(err)
	_, err = p.Write([]byte("x = 1"))
	must(err)
	must(w.Close())
	f.Add(b.Bytes(), "multipart/form-data; boundary=B")
	f.Add([]byte("--B--"), "multipart/form-data; boundary=B")
	f.Add([]byte(""), "multipart/form-data")
	f.Add([]byte("--B\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--B--"), `multipart/form-data; boundary="B"`)
	app := fiber.New()
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		defer app.ReleaseCtx(c)
		c.Request().Header.SetContentType(kind)
		c.Request().SetBody(body)
		form, err := readForm(c, 1<<10)
		if err != nil {
			if code := host.CodeOf(err); code != abi.Invalid && code != abi.TooLarge {
				t.Fatalf("error with code %s: %v", code, err)
			}
			return
		}
		if len(form.content) == 0 || len(form.content) > 1<<10 || strings.ContainsAny(form.fileName, "/\\\r\n\x00") {
			t.Fatalf("taken: %q with %d bytes", form.fileName, len(form.content))
		}
	})
}
