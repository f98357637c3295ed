package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fetch sends a request to the gateway.
func fetch(t *testing.T, method, path, user, password, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, theHost.gateway+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	return answer(t, req)
}

// answer sends a request and returns the status and the body of the reply.
func answer(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const counter = `
n = 0

def handle(request):
    global n
    n += 1
    return {"n": n, "version": VERSION}
`

func TestServiceLifecycle(t *testing.T) {
	s := newSession(t)
	one := file(t, "counter.py", strings.ReplaceAll(counter, "VERSION", "1"))
	two := file(t, "counter.py", strings.ReplaceAll(counter, "VERSION", "2"))
	out, _ := s.run(exitOK, "deploy", one, "--route", "GET /counter", "--timeout", "5s", "--memory=64MiB", "--output", "json")
	var first, second [1]struct {
		Service, Version, Kind string
		ImageBytes             int64   `json:"image_bytes"`
		OwnBytes               int64   `json:"own_bytes"`
		DeployMS               float64 `json:"deploy_ms"`
	}
	decode(t, out, &first)
	if r := first[0]; r.Service != "counter" || r.Kind != "python" || r.ImageBytes == 0 || r.OwnBytes == 0 || r.DeployMS <= 0 {
		t.Errorf("receipt is %s", out)
	}
	for range 3 {
		if _, body := fetch(t, "GET", "/counter", "", "", ""); !strings.Contains(body, `"n": 1,`) {
			t.Errorf("a call found what another left: %s", body)
		}
	}
	// What is not said again stays: the route.
	out, _ = s.run(exitOK, "deploy", two, "--isolation", "warm", "--output", "json")
	decode(t, out, &second)
	if _, body := fetch(t, "GET", "/counter", "", "", ""); !strings.Contains(body, `"version": 2`) {
		t.Errorf("the second version does not run: %s", body)
	}
	out, _ = s.run(exitOK, "versions", "counter", "--output", "json")
	var versions []struct {
		Version string
		Running bool
	}
	decode(t, out, &versions)
	if len(versions) != 2 || versions[0].Version != second[0].Version || !versions[0].Running {
		t.Errorf("versions are %s", out)
	}
	s.run(exitOK, "rollback", "counter")
	if out, _ = s.run(exitOK, "invoke", "counter", "--data", "{}"); out != `{"n": 1, "version": 1}` {
		t.Errorf("after the rollback: %s", out)
	}
	s.run(exitOK, "rollback", "counter", short(second[0].Version)[:8])
	out, _ = s.run(exitOK, "services")
	if !regexp.MustCompile(`counter +python +` + short(second[0].Version) + ` +warm +GET /counter`).MatchString(out) {
		t.Errorf("services are\n%s", out)
	}
	s.run(exitOK, "delete", "counter")
	_, stderr := s.run(exitFailed, "delete", "counter")
	if stderr != "serai: service \"counter\" does not exist\n" {
		t.Errorf("stderr is %q", stderr)
	}
	if status, _ := fetch(t, "GET", "/counter", "", "", ""); status != 404 {
		t.Errorf("a deleted service's route answers %d", status)
	}
}

func TestBrokenDeployLeavesTheServiceRunning(t *testing.T) {
	s := newSession(t)
	s.run(exitOK, "deploy", file(t, "steady.py", "def handle(request):\n    return 'steady'\n"))
	_, stderr := s.run(exitFailed, "deploy", file(t, "steady.py", "import json\n\ndef handle(request:\n    pass\n"))
	for _, want := range []string{"SyntaxError", "steady.py", "line 3"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in:\n%s", want, stderr)
		}
	}
	_, stderr = s.run(exitFailed, "deploy", file(t, "steady.py", "raise ValueError('at import')\n"), "--output", "json")
	var p problemText
	decode(t, stderr, &p)
	if p.Failure == nil || p.Failure.Type != "ValueError" || p.Failure.Line != 1 || !strings.Contains(p.Failure.Traceback, "steady.py") {
		t.Errorf("problem is %s", stderr)
	}
	if out, _ := s.run(exitOK, "invoke", "steady"); out != "steady" {
		t.Errorf("the running version answers %q", out)
	}
	s.run(exitFailed, "deploy", file(t, "x.wasm", "not a module"))
}

func TestInvoke(t *testing.T) {
	s := newSession(t)
	s.run(exitOK, "deploy", "--name", "invoked", file(t, "any.py", `
def handle(request):
    print("printed")
    if request.payload == "fail":
        raise RuntimeError("as asked")
    return request.raw
`))
	if out, _ := s.run(exitOK, "invoke", "invoked", "--data", `{"a":1}`); out != `{"a":1}` {
		t.Errorf("reply is %q", out)
	}
	if out, _ := s.run(exitOK, "invoke", "--data", "@"+file(t, "in", "from a file"), "invoked", "--content-type", "text/plain"); out != "from a file" {
		t.Errorf("reply is %q", out)
	}
	s.stdin = "from stdin"
	if out, _ := s.run(exitOK, "invoke", "invoked", "--data", "-", "--content-type", "text/plain"); out != "from stdin" {
		t.Errorf("reply is %q", out)
	}
	out, stderr := s.run(exitFailed, "invoke", "invoked", "--data", `"fail"`)
	if out != "" || !strings.Contains(stderr, "RuntimeError: as asked") || !strings.Contains(stderr, "any.py") {
		t.Errorf("stdout %q, stderr %s", out, stderr)
	}
	if out, _ := s.run(exitOK, "logs", "invoked", "--limit", "50"); !strings.Contains(out, "printed") {
		t.Errorf("log is %s", out)
	}
	s.run(exitFailed, "invoke", "no-such-service")
	s.run(exitFailed, "invoke", "invoked", "--data", "@/does/not/exist")
}

// TestNewSaysWhatWorks runs the commands that serai new prints, one after the
// other.
func TestNewSaysWhatWorks(t *testing.T) {
	s := newSession(t)
	t.Chdir(t.TempDir())
	out, _ := s.run(exitOK, "new", "python", "printed")
	found := regexp.MustCompile(`(?s)^wrote printed; next:\n\n  .* test printed\n  .* dev printed\n  curl 'http://127.0.0.1:17010(/printed\?name=Ada)'\n$`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("it printed\n%s", out)
	}
	if out, _ := rehearse(t, exitOK, "printed"); !strings.Contains(out, "5 passed") {
		t.Errorf("the tests print\n%s", out)
	}
	d := develop(t, s, "printed")
	d.await(d.out, `(?s)deployed  printed.*created  channel printed.*GET http://127.0.0.1:\d+/printed`)
	if status, body := fetch(t, "GET", found[1], "", "", ""); status != 200 || body != `{"greeting": "Hello, Ada!"}` {
		t.Errorf("%d %s", status, body)
	}
	if status, body := fetch(t, "GET", "/printed", "", "", ""); status != 400 || !strings.Contains(body, "name") {
		t.Errorf("without a name: %d %s", status, body)
	}
	d.await(d.out, "greeting Ada in en")
}

func TestNewServicesDeployAsTheyAre(t *testing.T) {
	s := newSession(t)
	t.Chdir(t.TempDir())
	for _, language := range []string{"python", "go"} {
		name := "fresh-" + language
		s.run(exitOK, "new", language, name)
		s.run(exitOK, "deploy", name, "--route", "GET /"+name)
		status, body := fetch(t, "GET", "/"+name+"?name=Ada", "", "", "")
		if status != 200 || !strings.Contains(body, "Ada") {
			t.Errorf("%s: %d %s", name, status, body)
		}
		s.run(exitFailed, "new", language, name)
	}
}

func TestDevRedeploysOnSave(t *testing.T) {
	s := newSession(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	path := file(t, "live.py", "def handle(request):\n    return 'one'\n")
	out, errs, ended := newOutput(), newOutput(), make(chan int, 1)
	running, end := context.WithCancel(ctx)
	go func() { ended <- Main(running, []string{"dev", path}, strings.NewReader(""), out, errs, s.env) }()
	step := func(o *output, pattern string) {
		t.Helper()
		if _, err := o.wait(ctx, pattern); err != nil {
			t.Fatal(err)
		}
	}
	step(out, "deployed  live")
	save(t, path, "def handle(request)\n    return 'broken'\n")
	step(errs, "SyntaxError")
	save(t, path, "import logging\ndef handle(request):\n    logging.warning('seen in the log')\n    return 'two'\n")
	step(out, "(?s)deployed  live.*deployed  live")
	if got, _ := s.run(exitOK, "invoke", "live"); got != "two" {
		t.Errorf("answers %q", got)
	}
	step(out, "seen in the log")
	end()
	if code := <-ended; code != exitOK {
		t.Errorf("dev ended with %d: %s", code, errs)
	}
}

// save replaces a file as editors do.
func save(t *testing.T, path, content string) {
	t.Helper()
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("decoding %q: %v", text, err)
	}
}

func TestServeReadyLine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a host")
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	serving, end := context.WithCancel(ctx)
	out, ended := newOutput(), make(chan int, 1)
	dir := filepath.Join(t.TempDir(), "data")
	var stderr bytes.Buffer
	go func() {
		ended <- Main(serving, []string{"serve", "--data", dir, "--gateway", "127.0.0.1:0", "--control", "127.0.0.1:0"},
			strings.NewReader(""), out, &stderr, noEnv)
		stop()
	}()
	text, err := out.wait(ctx, "\n")
	if err != nil {
		t.Fatal(err, <-ended, stderr.String())
	}
	if !regexp.MustCompile(`^\{"msg":"ready","gateway":"127\.0\.0\.1:[1-9]\d*","control":"127\.0\.0\.1:[1-9]\d*"\}\n$`).MatchString(text) {
		t.Errorf("ready line is %q", text)
	}
	info, err := os.Stat(filepath.Join(dir, "operator.token"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("operator.token: %v %v", info, err)
	}
	end()
	if code := <-ended; code != exitOK || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("ended with %d, stdout %q, stderr %s", code, out, &stderr)
	}
}
