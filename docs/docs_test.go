package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
	"github.com/seraihost/serai/modules/tutorial"
)

// documents are tested: every block of a language that can run is run.
func documents(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(all, "../README.md")
}

// TestExamples runs the documents' examples in order, each document in a
// folder and on a host of its own. A block
//
//   - with file=NAME is a file that later blocks use;
//   - of language console is commands and what they print;
//   - of language python, go, c, sh or console that does neither says why
//     in skip="…"; needs= names programs that it cannot do without, engine= the engine
//     that it and the blocks after it need, server=postgresql a database of
//     its own, whose port stands for 5432;
//   - with host=quickstart, the first of its document, finds the tutorial on
//     the host, and its password and key in the environment.
//
// Addresses are the default ones; they are replaced by those of the host.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hosts")
	}
	for _, doc := range documents(t) {
		t.Run(strings.TrimPrefix(doc, "../"), func(t *testing.T) { example(t, doc) })
	}
}

func example(t *testing.T, doc string) {
	t.Helper()
	dir := t.TempDir()
	var h *hosttest.Host
	database := sync.OnceValue(func() int { return connectortest.PostgreSQL(t) })
	for _, b := range blocks(t, doc) {
		file, isFile := b.attrs["file"]
		_, skipped := b.attrs["skip"]
		switch {
		case isFile:
			write(t, filepath.Join(dir, file), b.text)
		case skipped:
		case b.attrs["engine"] != "" && b.attrs["engine"] != server.DefaultEngine:
			t.Skipf("from line %d on it needs a host on %s", b.line, b.attrs["engine"])
		case !installed(t, b.attrs["needs"]), !hasServer(t, b.attrs["server"]):
		case b.lang == "console":
			all, err := steps(b)
			if err != nil {
				t.Errorf("%s:%d: %v", doc, b.line, err)
				continue
			}
			if h == nil {
				h = hosttest.Start(t, nil)
				if b.attrs["host"] == "quickstart" {
					quickstart(t, h)
				}
			}
			for _, s := range all {
				if b.attrs["server"] != "" {
					s.command = strings.ReplaceAll(s.command, "5432", strconv.Itoa(database()))
				}
				if out, err := shell(t, h, dir, s.command); err != nil || !matches(s.want, out) {
					t.Fatalf("%s:%d: %s prints\n%s(%v), want\n%s", doc, b.line, strings.TrimSpace(s.command), out, err, s.want)
				}
			}
		case b.lang == "python" || b.lang == "go" || b.lang == "c" || b.lang == "sh" || b.lang == "bash":
			t.Errorf("%s:%d: the block is not tested: give it a file=, make it a console, or say why not in skip=", doc, b.line)
		}
	}
}

// The password and the key of the tutorial's clients.
const tutorialPassword, tutorialKey = "tutorial-password", "tutorial-key"

// quickstart sets the tutorial up, as serai quickstart does.
func quickstart(t *testing.T, h *hosttest.Host) {
	t.Helper()
	err := tutorial.SetUp(t.Context(), h.Operator, tutorial.Options{
		Gateway: strings.TrimPrefix(h.URL, "http://"), Password: tutorialPassword, Key: tutorialKey, PaymentsKey: "payments-key",
		OneTenant: server.DefaultEngine == "wazero",
	})
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
}

// installed reports whether a block's programs are there. Where everything
// has to be tested, what is missing is an error.
func installed(t *testing.T, programs string) bool {
	t.Helper()
	for _, name := range strings.FieldsFunc(programs, func(r rune) bool { return r == ',' }) {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") == "true" {
				t.Error(err)
			}
			return false
		}
	}
	return true
}

// hasServer reports whether a block's database can be started.
func hasServer(t *testing.T, name string) bool {
	t.Helper()
	if name == "" {
		return true
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if name != "postgresql" || err != nil {
		t.Fatalf("server=%s: use postgresql (%v)", name, err)
	}
	return len(found) > 0 || os.Getenv("CI") == "true" // where starting it fails
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// shell runs a command as a reader would, with serai in the PATH.
func shell(t *testing.T, h *hosttest.Host, dir, command string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for addr, own := range map[string]string{"http://127.0.0.1:17010": h.URL, "http://127.0.0.1:8183": h.Control} {
		command = strings.ReplaceAll(command, addr, own)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"), "HOME="+dir, "XDG_CACHE_HOME="+cache(t), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
		"SERAI="+root, "SERAI_CONTROL="+h.Control, "SERAI_TOKEN="+h.Token, "PASSWORD="+tutorialPassword, "KEY="+tutorialKey, "GOFLAGS=-mod=mod", "GOWORK=off", "GOPATH="+goenv(t, "GOPATH"), "GOCACHE="+goenv(t, "GOCACHE"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	text := out.String()
	for addr, own := range map[string]string{"127.0.0.1:17010": h.URL, "127.0.0.1:8183": h.Control} {
		text = strings.ReplaceAll(text, strings.TrimPrefix(own, "http://"), addr)
	}
	return text, err
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "serai-docs-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "serai")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/serai").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building cmd/serai: %w: %s", err, out)
	}
	return path, nil
})

// program returns the path of the command line, built once.
func program(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func goenv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

var (
	link   = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	fenced = regexp.MustCompile("(?ms)^```.*?^```") // code, in which nothing is a link
)

// TestLinks follows links between the documents.
func TestLinks(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.md", "../*/*.md", "../*/*/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, more...)
	}
	for _, doc := range all {
		raw, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(fenced.ReplaceAll(raw, nil), -1) {
			to := string(m[1])
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), to)); err != nil {
				t.Errorf("%s links to %s: %v", doc, to, err)
			}
		}
	}
}

// cache is where hosts that examples start find modules that were compiled before.
func cache(t *testing.T) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
