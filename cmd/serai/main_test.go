package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// output is a writer that tests read while a command writes.
type output struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.b.Write(p)
}

// wait returns the text once it matches.
func (o *output) wait(ctx context.Context, pattern string) (string, error) {
	re := regexp.MustCompile(pattern)
	for {
		o.mu.Lock()
		text, changed := o.b.String(), o.changed
		o.mu.Unlock()
		if re.MatchString(text) {
			return text, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return text, fmt.Errorf("waiting for %q: %w; there is:\n%s", pattern, ctx.Err(), text)
		}
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// theHost is the host that all tests share: a quickstart on free ports.
var theHost struct {
	once     sync.Once
	stop     context.CancelFunc
	dir      string
	ended    chan int
	out, err *output

	gateway, control, token string
	failure                 error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if theHost.stop != nil {
		theHost.stop()
		if end := <-theHost.ended; end != exitOK {
			fmt.Fprintf(os.Stderr, "the host ended with %d: %s\n", end, theHost.err)
			code = 1
		}
		os.RemoveAll(theHost.dir)
	}
	os.Exit(code)
}

func startHost() {
	h := &theHost
	h.dir, h.failure = os.MkdirTemp("", "serai-test-")
	if h.failure != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop, h.ended, h.out, h.err = stop, make(chan int, 1), newOutput(), newOutput()
	data := filepath.Join(h.dir, "data")
	go func() {
		args := []string{"quickstart", "--data", data, "--gateway", "127.0.0.1:0", "--control", "127.0.0.1:0"}
		h.ended <- Main(ctx, args, strings.NewReader(""), h.out, h.err, noEnv)
		fmt.Fprint(h.out, "\nended Ctrl-C\n")
	}()
	patience, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	text, err := h.out.wait(patience, `Ctrl-C`)
	found := regexp.MustCompile(`gateway (http://\S+), control API (http://\S+)`).FindStringSubmatch(text)
	if err == nil && found == nil {
		err = errors.New("no addresses in its output")
	}
	if err != nil {
		h.failure = fmt.Errorf("the quickstart did not start: %w\n%s\n%s", err, text, h.err)
		return
	}
	h.gateway, h.control, h.token = found[1], found[2], filepath.Join(data, "operator.token")
}

func noEnv(string) string { return "" }

// session runs command lines against the shared host.
type session struct {
	t     *testing.T
	stdin string
}

func newSession(t *testing.T) *session {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a host")
	}
	theHost.once.Do(startHost)
	if theHost.failure != nil {
		t.Fatal(theHost.failure)
	}
	return &session{t: t}
}

// run runs one command line and returns what it wrote; the exit code must be want.
func (s *session) run(want int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	var out, err bytes.Buffer
	code := Main(s.t.Context(), args, strings.NewReader(s.stdin), &out, &err, s.env)
	if code != want {
		s.t.Fatalf("serai %q: exit code %d, want %d\nstdout: %s\nstderr: %s", args, code, want, &out, &err)
	}
	return out.String(), err.String()
}

func (s *session) env(name string) string {
	switch name {
	case "SERAI_CONTROL":
		return theHost.control
	case "SERAI_TOKEN":
		b, err := os.ReadFile(theHost.token)
		if err != nil {
			s.t.Error(err)
		}
		return strings.TrimSpace(string(b))
	}
	return ""
}

// file writes a file into a new folder and returns its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
