package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/server"
)

// developing is a running serai dev.
type developing struct {
	t         *testing.T
	out, errs *output
	ctx       context.Context //nolint:containedctx // of one test
}

// develop runs serai dev until the test ends.
func develop(t *testing.T, s *session, args ...string) *developing {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	d := &developing{t: t, out: newOutput(), errs: newOutput(), ctx: ctx}
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, append([]string{"dev"}, args...), strings.NewReader(""), d.out, d.errs, s.env)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("dev ended with %d: %s", code, d.errs)
		}
	})
	return d
}

func (d *developing) await(o *output, pattern string) string {
	d.t.Helper()
	text, err := o.wait(d.ctx, pattern)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

func TestDevShowsFailures(t *testing.T) {
	s := newSession(t)
	dir := filepath.Join(folder(t, "dev-fails/service.py", "def handle(request):\n    return 1\n"), "dev-fails")
	d := develop(t, s, dir, "--route", "GET /dev-fails", "--locals")
	d.await(d.out, `(?s)deployed  dev-fails.*GET http://127\.0\.0\.1:\d+/dev-fails`)
	save(t, filepath.Join(dir, "service.py"), "def handle(request):\n    api_token, amount = 't-4711', 12\n    return amount / 0\n")
	d.await(d.out, `(?s)deployed  dev-fails.*deployed  dev-fails`)
	status, body := fetch(t, "GET", "/dev-fails", "", "", "")
	if status != 500 || !strings.Contains(body, "amount = 12") || !strings.Contains(body, "return amount / 0") || strings.Contains(body, "t-4711\"") {
		t.Errorf("status %d: %s", status, body)
	}
	d.await(d.out, `(?s)File "service.py", line 3, in handle.*return amount / 0.*amount = 12.*ZeroDivisionError: division by zero`)

	// The same code, deployed for good.
	s.run(exitOK, "deploy", dir)
	if _, body := fetch(t, "GET", "/dev-fails", "", "", ""); strings.Contains(body, "amount") || strings.Contains(body, "ZeroDivision") {
		t.Errorf("after serai deploy a client sees %s", body)
	}
}

// TestDevIsFast measures from a save to the answer of the new code.
func TestDevIsFast(t *testing.T) {
	s := newSession(t)
	path := file(t, "dev-fast.py", "def handle(request):\n    return 'v-'\n")
	d := develop(t, s, path, "--route", "GET /dev-fast")
	d.await(d.out, `deployed  dev-fast`)
	var times []time.Duration
	for i := range 15 {
		save(t, path, fmt.Sprintf("import json\n\ndef handle(request):\n    return 'v%d'\n", i))
		start := time.Now()
		for {
			if _, body := fetch(t, "GET", "/dev-fast", "", "", ""); body == fmt.Sprintf("v%d", i) {
				break
			}
			if d.ctx.Err() != nil {
				t.Fatalf("save %d did not become live", i)
			}
			time.Sleep(time.Millisecond)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	t.Logf("from save to answer: median %s, slowest %s", times[len(times)/2], times[len(times)-1])
	if median := times[len(times)/2]; median > time.Second { // 300 ms on a machine that does nothing else
		t.Errorf("the median is %s", median)
	}
}

func TestDevAppliesTheDocument(t *testing.T) {
	s := newSession(t)
	dir := folder(t, "service.py", "def handle(request):\n    return 'one'\n", "serai.yaml", `
services:
  - path: .
    name: dev-document
channels:
  dev-document: {service: dev-document, path: /dev-document}
`)
	_, stderr := s.run(exitUsage, "dev", dir, "--route", "GET /x")
	if !strings.Contains(stderr, "serai.yaml says how the services in it run") {
		t.Errorf("stderr is %q", stderr)
	}
	d := develop(t, s, dir)
	d.await(d.out, `(?s)deployed  dev-document.*created  channel dev-document.*\* http://127\.0\.0\.1:\d+/dev-document`)
	save(t, filepath.Join(dir, "service.py"), "def handle(request):\n    return request.nothing\n")
	d.await(d.out, `(?s)deployed  dev-document.*deployed  dev-document`)
	if status, body := fetch(t, "GET", "/dev-document", "", "", ""); status != 500 || !strings.Contains(body, "return request.nothing") {
		t.Errorf("%d %s", status, body)
	}
	d.await(d.out, "AttributeError")
	save(t, filepath.Join(dir, "serai.yaml"), "services:\n  - path: .\n    name: dev-document\nchannels:\n  dev-document: {service: dev-document, path: /dev-moved}\n")
	d.await(d.out, `(?s)updated  channel dev-document.*/dev-moved`)
	if status, _ := fetch(t, "GET", "/dev-moved", "", "", ""); status != 500 {
		t.Errorf("the moved channel answers %d", status)
	}
	save(t, filepath.Join(dir, "serai.yaml"), "servises: []\n")
	d.await(d.errs, `serai\.yaml:1:1`)
}

func TestOwnHost(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a host")
	}
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: noEnv}
	dir := filepath.Join(t.TempDir(), devData)
	h, err := ownHost(t.Context(), a, server.Config{DataDir: dir, GatewayAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`no host answers, so one runs here until Ctrl-C: gateway http://127.0.0.1:\d+, data in .*serai-data`).MatchString(out.String()) {
		t.Errorf("it says %q", out.String())
	}
	d := newDev(a, h, &deployFlags{inFlight: -1, queue: -1}, host.DefaultTenant, file(t, "own.py", "def handle(request):\n    return 'own'\n"))
	d.deploy(t.Context())
	if !strings.Contains(out.String(), "deployed  own") || !strings.Contains(out.String(), "serai invoke own") {
		t.Errorf("it says %q and %q", out.String(), errs.String())
	}
	reply, err := h.client.Invoke(t.Context(), host.DefaultTenant, "own", "", nil)
	if err != nil || string(reply.Body) != "own" {
		t.Errorf("it answers %v, %v", reply, err)
	}
	addr := h.gateway
	if !answers(t.Context(), addr) {
		t.Error("its gateway does not answer")
	}
	if err := h.close(); err != nil {
		t.Error(err)
	}
	if answers(t.Context(), addr) {
		t.Error("its gateway answers after it was closed")
	}
}
