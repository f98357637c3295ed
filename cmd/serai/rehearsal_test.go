package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// folder writes files, alternating names and contents, into a new folder.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const tested = `
from serai import Service, invoke_async

class GetUser(Service):
    name = "users.get"

    def handle(self):
        user = self.out.rest["CRM"].conn.get(self.cid, {"id": self.request.payload["id"]}).data
        self.kvdb.conn.incr("seen")
        self.logger.info("user %s", user["name"])
        if (self.request.payload or {}).get("later"):
            invoke_async("users.get", {"id": 0})
        self.response.payload = {"name": user["name"], "seen": int(self.kvdb.conn.get("seen")), "mode": self.config.get("mode")}
`

const tests = `
import logging
import pytest
from service import GetUser
from serai import errors
from serai.testing import ServiceTestCase, call, invoke, logs, requests_to, run, set_config, set_response, wait_async

@pytest.fixture
def crm():
    set_response("CRM", {"name": "Ada"})

@pytest.mark.parametrize("number", [1, 2])
def test_pristine(crm, number):
    set_config("mode", "fast")
    assert invoke("users.get", {"id": number}) == {"name": "Ada", "seen": 1, "mode": "fast"}
    (request,) = requests_to("CRM")
    assert request.service == "users.get" and request.params == {"id": str(number)}
    assert [(r.levelname, r.message) for r in logs("users.get")] == [("INFO", "user Ada")]

def test_sequence_and_async():
    set_response("CRM", {"name": "Ada"}, then=[{"name": "Bob"}])
    invoke("users.get", {"id": 1, "later": True})
    wait_async()
    assert [r.message for r in logs()] == ["user Ada", "user Bob"]

def test_within(crm, monkeypatch):
    monkeypatch.setattr(GetUser, "config", {"mode": "patched"})
    result = run(GetUser, {"id": 1})
    assert result.payload["mode"] == "patched" and result.json()["seen"] == 1 and result.status_code == 200

@pytest.mark.parametrize("error, kind", [("timeout", TimeoutError), ("unavailable", ConnectionError), ("denied", PermissionError)])
def test_errors(error, kind):
    set_response("CRM", error=error)
    with pytest.raises(kind):
        run(GetUser, {"id": 1})

def test_unscripted():
    with pytest.raises(errors.Unavailable, match="nothing is scripted for GET"):
        run(GetUser, {"id": 1})

def test_failure_is_logged():
    with pytest.raises(errors.Error):
        invoke("users.get", {})
    assert "KeyError: 'id'" in [r.traceback for r in logs()][-1]

class TestZato(ServiceTestCase):
    def test_user(self):
        self.set_response("CRM", {1: {"name": "Ada"}, 2: {"name": "Bob"}})
        self.set_config("mode", "x")
        self.assertResponsePayload(self.invoke(GetUser, {"id": 1}), {"name": "Ada", "seen": 1, "mode": "x"})
        self.assertResponsePayload(self.invoke("users.get", id=1), {"name": "Bob", "seen": 2, "mode": "x"})

def test_gateway():
    assert call("GET", "/nowhere").status_code == 404
    with pytest.raises(ValueError, match="begin it with a slash"):
        call("GET", "nowhere")
`

// rehearse runs serai test and returns what it printed.
func rehearse(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a host")
	}
	code, stdout, stderr := run(t, append([]string{"test"}, args...)...)
	if code != want {
		t.Fatalf("serai test %q: exit code %d, want %d\n%s%s", args, code, want, stdout, stderr)
	}
	return stdout, stderr
}

func TestTestsPass(t *testing.T) {
	out, _ := rehearse(t, exitOK, folder(t, "service.py", tested, "test_service.py", tests))
	if !strings.Contains(out, "11 passed") {
		t.Errorf("it printed\n%s", out)
	}
}

// TestTestsWithADocument has the host of tests be what a serai.yaml says.
func TestTestsWithADocument(t *testing.T) {
	rehearse(t, exitOK, folder(t, "service.py", strings.Replace(tested, `payload["id"]`, `input.id`, 1), "serai.yaml", `
config:
  mode: documented
secrets:
  crm.password: ${env:NO_SUCH_VARIABLE}
security:
  shop:
    type: basic
    username: ada
    password: ${env:NO_SUCH_PASSWORD}
connections:
  CRM:
    type: http
    base_url: https://crm.example.com
    auth: {type: basic, username: x, password: "${secret:crm.password}"}
services:
  - path: service.py
    grants:
      connections: [CRM]
  - path: other.py
channels:
  user:
    service: users.get
    path: /user/{id}
    security: [shop]
`, "other.py", `
from serai import Service
class Other(Service):
    name = "other"
    def handle(self):
        return self.out.rest["CRM"].conn.get(self.cid).data
`, "test_document.py", `
import pytest
from serai.testing import call, invoke, requests_to, set_response

def test_channel():
    set_response("CRM", {"name": "Ada"})
    assert call("GET", "/user/7").status_code == 401
    reply = call("GET", "/user/7", auth=("ada", "test"))
    assert reply.json() == {"name": "Ada", "seen": 1, "mode": "documented"}, reply
    assert requests_to("CRM")[0].params == {"id": "7"}

def test_no_grant():
    set_response("CRM", {})
    with pytest.raises(Exception, match="no grant for connection"):
        invoke("other")
`))
	_, stderr := rehearse(t, exitFailed, folder(t, "service.py", tested, "serai.yaml", "channels:\n  user:\n    servise: x\n"))
	if !strings.Contains(stderr, "serai.yaml:3:5") {
		t.Errorf("stderr is %q", stderr)
	}
}

func TestTestsFail(t *testing.T) {
	dir := folder(t, "service.py", tested, "tests/test_sum.py", `
def total(values):
    return sum(values)

def test_total():
    prices = [1, 2, 3]
    assert total(prices) == 7

def test_other():
    assert total([]) == 0
`)
	out, stderr := rehearse(t, 1, dir)
	for _, want := range []string{"tests/test_sum.py F.", "prices = [1, 2, 3]", "assert 6 == 7", "where 6 = total([1, 2, 3])", "1 failed, 1 passed"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if stderr != "" {
		t.Errorf("stderr is %q", stderr)
	}
	out, _ = rehearse(t, exitOK, dir, "-v", "-k", "other")
	if !strings.Contains(out, "tests/test_sum.py::test_other PASSED") || !strings.Contains(out, "1 deselected") {
		t.Errorf("with -v -k it printed\n%s", out)
	}
	out, _ = rehearse(t, 1, dir, "tests/test_sum.py::test_total", "-x", "--", "--tb=line", "-q")
	if strings.Contains(out, "prices =") || !strings.Contains(out, "1 failed") {
		t.Errorf("with --tb=line it printed\n%s", out)
	}
	if out, _ = rehearse(t, 1, folder(t, "service.py", tested, "test_run.py", `
from serai.testing import run
from service import GetUser

def test_run():
    run(GetUser, {"id": 1})
`)); strings.Contains(out, "/lib/serai") || !strings.Contains(out, "nothing is scripted") {
		t.Errorf("a failure inside of Serai's own code is shown as\n%s", out)
	}
	if out, _ = rehearse(t, 1, folder(t, "service.py", tested, "test_log.py", `
from serai.testing import invoke, set_response

def test_log():
    set_response("CRM", {"name": "Ada"})
    invoke("users.get", {"id": 1})
    invoke("users.get", {})
`)); !strings.Contains(out, "INFO     users.get: user Ada") || !strings.Contains(out, "KeyError: 'id'") {
		t.Errorf("without the log of the services:\n%s", out)
	}
	rehearse(t, 5, dir, "-k", "nothing")
	rehearse(t, 4, dir, "--", "--no-such-option")
}

// TestTestsOfALibrary runs the tests of a folder with nothing to deploy.
func TestTestsOfALibrary(t *testing.T) {
	out, stderr := rehearse(t, exitOK, folder(t,
		"pyproject.toml", "[tool.pytest.ini_options]\npythonpath = [\"src\"]\n",
		"src/lib/users.py", tested, "tests/test_users.py", `
from zato_testing import ServiceTestCase
from lib.users import GetUser

class TestUsers(ServiceTestCase):
    def test_user(self):
        self.set_response("CRM", {"name": "Ada"})
        self.assertEqual(self.invoke(GetUser, {"id": 1}).response.payload["name"], "Ada")
`))
	if !strings.Contains(out, "1 passed") || !strings.Contains(stderr, "nothing is deployed") {
		t.Errorf("it printed\n%s%s", out, stderr)
	}
}

func TestTestsThatCannotRun(t *testing.T) {
	_, stderr := rehearse(t, exitFailed, folder(t, "service.py", "def handle(request:\n"))
	if !strings.Contains(stderr, "SyntaxError") {
		t.Errorf("stderr is %q", stderr)
	}
	out, _ := rehearse(t, 2, folder(t, "service.py", tested, "test_broken.py", "import nothing_of_the_kind\n"))
	if !strings.Contains(out, "No module named 'nothing_of_the_kind'") {
		t.Errorf("it printed\n%s", out)
	}
	_, stderr = rehearse(t, exitFailed, filepath.Join(t.TempDir(), "none"))
	if !strings.Contains(stderr, "serai: ") {
		t.Errorf("stderr is %q", stderr)
	}
}

func TestTestsAreInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a host")
	}
	dir := folder(t, "service.py", tested, "test_endless.py", "def test_endless():\n    while True:\n        pass\n")
	ctx, interrupt := context.WithCancel(t.Context())
	out := newOutput()
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, []string{"test", dir}, strings.NewReader(""), out, newOutput(), noEnv) }()
	if _, err := out.wait(t.Context(), "test_endless.py"); err != nil {
		t.Fatal(err)
	}
	interrupt()
	select {
	case code := <-ended:
		if code != 2 {
			t.Errorf("exit code %d, want 2", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
}

// TestRecord records what a system of another host answers, then runs without it.
func TestRecord(t *testing.T) {
	s := newSession(t)
	var asked atomic.Int64
	system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p4ss" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name": "user %s"}`, r.URL.Query().Get("id"))
	}))
	defer system.Close()
	s.stdin = "p4ss"
	s.run(exitOK, "secret", "set", "rec.password")
	s.run(exitOK, "connection", "set", "Recorded", "--type", "http", "--allow-network", "127.0.0.1/32", "--config",
		`{"base_url": "`+system.URL+`", "auth": {"type": "basic", "username": "u", "password": "${secret:rec.password}"}}`)
	dir := folder(t, "service.py", strings.ReplaceAll(tested, "CRM", "Recorded"), "test_service.py", `
from serai.testing import invoke

def test_user():
    assert invoke("users.get", {"id": 7})["name"] == "user 7"
`)
	s.run(exitOK, "test", dir, "--record")
	file, err := os.ReadFile(filepath.Join(dir, "testdata", "Recorded.json"))
	if err != nil || !strings.Contains(string(file), `"user 7"`) || strings.Contains(string(file), "p4ss") {
		t.Errorf("the recording is %s, %v", file, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the system was asked %d times", asked.Load())
	}
	system.Close()
	rehearse(t, exitOK, dir)
	if out, _ := s.run(exitOK, "services"); strings.Contains(out, "recorder") {
		t.Errorf("the recorder is still there:\n%s", out)
	}
}

func TestTestPath(t *testing.T) {
	dir := folder(t, "service.py", "", "test_a.py", "", "tests/test_b.py", "", "test_folder/x.py", "")
	for _, c := range []struct{ args, path, tests string }{
		{"", ".", ""},
		{"DIR", "DIR", ""},
		{"DIR/service.py -", "DIR/service.py", "-"},
		{"DIR/test_a.py", "DIR", "test_a.py"},
		{"DIR/test_a.py::test_x DIR/test_b.py", "DIR", "test_a.py::test_x DIR/test_b.py"},
		{"DIR/tests/test_b.py::T::test_x", "DIR", "tests/test_b.py::T::test_x"},
		{"DIR/test_folder", "DIR/test_folder", ""},
		{"test_gone.py", ".", "test_gone.py"},
	} {
		in := func(s string) string { return strings.ReplaceAll(s, "DIR", dir) }
		path, tests := testPath(strings.Fields(in(c.args)))
		if path != in(c.path) || strings.Join(tests, " ") != in(c.tests) {
			t.Errorf("serai test %s: %q, %q", c.args, path, tests)
		}
	}
}
