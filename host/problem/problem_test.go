package problem_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/problem"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatalf("document is not JSON: %v", err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func failure() error {
	return fmt.Errorf("calling service: %w", &host.Error{
		Code: abi.Failed, Message: "ValueError: no such user", Field: "payload",
		Detail: &host.GuestFailure{Type: "ValueError", Message: "no such user", Traceback: "File…", File: "service.py", Line: 7},
		Err:    errors.New("secret inner error"),
	})
}

func TestDocuments(t *testing.T) {
	several := fmt.Errorf("applying: %w", host.FieldErrors{
		host.FieldErrorf("channels.a.path", "path %q: begin it with /", "x"),
		{Code: abi.Conflict, Field: "channels.b", Message: "taken"},
		{Code: abi.Failed, Field: "services[0]", Message: "SyntaxError", Detail: &host.GuestFailure{Type: "SyntaxError", Line: 7}},
	})
	tests := map[string]problem.Problem{
		"failed.json":          problem.From(failure(), "c1"),
		"failed_author.json":   problem.From(failure(), "c1").WithFailure(failure()),
		"failed_public.json":   problem.From(failure(), "c1").WithFailure(failure()).Public(),
		"field.json":           problem.From(host.FieldErrorf("route", "path %q: begin it with /", "x"), "c2"),
		"several.json":         problem.From(several, "c2").WithFailure(several),
		"several_public.json":  problem.From(several, "c2").WithFailure(several).Public(),
		"uncoded.json":         problem.From(errors.New("dial tcp 10.0.0.1: password=x"), "c3"),
		"unavailable.json":     problem.From(&host.Error{Code: abi.Unavailable, Message: "no place left", RetryAfter: 1500 * time.Millisecond}, "c4"),
		"deadline.json":        problem.From(fmt.Errorf("waiting: %w", context.DeadlineExceeded), "c5"),
		"method.json":          problem.Edge(405, "use GET", "c6"),
		"unauthenticated.json": problem.Edge(401, "", ""),
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) { golden(t, name, p.JSON()) })
	}
}

func TestStatus(t *testing.T) {
	want := map[abi.Code]int{
		abi.OK: 500, abi.Failed: 500, abi.Invalid: 400, abi.Denied: 403, abi.NotFound: 404, abi.Conflict: 409,
		abi.TooLarge: 413, abi.Timeout: 504, abi.Unavailable: 503, abi.Limit: 500, abi.Remote: 502,
		abi.Cancelled: 499, abi.Unsupported: 501, abi.Internal: 500, 99: 500, -1: 500,
	}
	for code, status := range want {
		if got := problem.Status(code); got != status {
			t.Errorf("Status(%v) = %d, want %d", code, got, status)
		}
		if p := problem.Of(code, "", ""); p.Title == "" || (code.Valid() && code != abi.OK && p.Code != code.String()) {
			t.Errorf("Of(%v) = %+v", code, p)
		}
	}
	if got := problem.Edge(418, "", "").Status; got != 500 {
		t.Errorf("an unknown status became %d", got)
	}
}

func TestUnavailableSaysWhen(t *testing.T) {
	if got := problem.From(host.Errorf(abi.Unavailable, "later"), "").Retry; got != 1 {
		t.Errorf("Retry = %d, want 1", got)
	}
}

func TestParse(t *testing.T) {
	want := problem.From(failure(), "c1").WithFailure(failure())
	got := problem.Parse(want.JSON())
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	if got.Error() != "ValueError: no such user" || (&problem.Problem{Title: "T"}).Error() != "T" {
		t.Errorf("Error() = %q", got.Error())
	}
	for _, s := range []string{"", "[]", "{}", `{"status":200,"code":"ok"}`, `{"status":"x"}`} {
		if p := problem.Parse([]byte(s)); p != nil {
			t.Errorf("Parse(%q) = %+v", s, p)
		}
	}
}
