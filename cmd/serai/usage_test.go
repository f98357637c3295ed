package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
)

var update = flag.Bool("update", false, "rewrite golden files")

// run runs a command line that needs no host.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &out, &err, noEnv)
	return code, out.String(), err.String()
}

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "Usage:"},
		{"deplyo", `did you mean "deploy"?`},
		{"frobnicate", `unknown command "frobnicate"`},
		{"deploy", "PATH is missing"},
		{"deploy a b", `argument "b" is one too many`},
		{"deploy a --memroy 1", "--memroy is not a flag"},
		{"deploy a --memory", "--memory needs a value"},
		{"deploy a --memory lots", "such as 64MiB"},
		{"deploy a --timeout 5", "such as 500ms"},
		{"deploy a --isolation none", "pristine or warm"},
		{"deploy a --route api", "begins with a slash"},
		{"deploy a --route /x --grant thing:1", "connection:NAME"},
		{"deploy a --auth x", "give --route too"},
		{"deploy a --output xml", "use text or json"},
		{"services --token a --token-file b", "not both"},
		{"tenant", "COMMAND"},
		{"tenant create", "NAME is missing"},
		{"tenant create x --quota memory", "NAME=VALUE"},
		{"new rust x", "use python or go"},
		{"serve --engine v8", "wasmtime or wazero"},
		{"serve --log-level loud", "debug, info"},
		{"help frobnicate", "unknown command"},
	} {
		code, stdout, stderr := run(t, strings.Fields(c.args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("serai %s: %d, stdout %q, stderr %q; want %d and %q", c.args, code, stdout, stderr, exitUsage, c.want)
		}
	}
}

func TestHelp(t *testing.T) {
	for name, args := range map[string]string{
		"help": "help", "deploy": "deploy --help", "tenant": "tenant help", "tenant-create": "help tenant create", "serve": "serve -h",
	} {
		code, stdout, stderr := run(t, strings.Fields(args)...)
		if code != exitOK || stderr != "" {
			t.Errorf("serai %s: %d, stderr %q", args, code, stderr)
		}
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(stdout), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		// Without cgo the default engine is another one.
		text := strings.ReplaceAll(stdout, "(default wazero)", "(default wasmtime)")
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("serai %s: %s", args, diff)
		}
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	var visit func(path []string, c *command)
	visit = func(path []string, c *command) {
		if c.short == "" || c.max < c.min || strings.HasSuffix(c.short, ".") {
			t.Errorf("%v: short text %q, arguments %d to %d", path, c.short, c.min, c.max)
		}
		for _, s := range c.sub {
			visit(append(path, s.name), s)
		}
		if len(c.sub) == 0 {
			if code, stdout, _ := run(t, append(path, "--help")...); code != exitOK || !strings.Contains(stdout, "Usage:") {
				t.Errorf("%v --help: %d %q", path, code, stdout)
			}
		}
	}
	for _, c := range commands() {
		visit([]string{c.name}, c)
	}
}

func TestFlagsGoAnywhere(t *testing.T) {
	for _, args := range [][]string{
		{"--a", "1", "x", "y"}, {"x", "--a", "1", "y"}, {"x", "y", "--a=1"}, {"--a", "1", "--", "x", "y"},
	} {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		a := fs.Int("a", 0, "")
		got, err := parse(fs, args)
		if err != nil || *a != 1 || !cmp.Equal(got, []string{"x", "y"}) {
			t.Errorf("%q: %d %q %v", args, *a, got, err)
		}
	}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.Bool("b", false, "")
	got, err := parse(fs, []string{"x", "--", "--b", "y"})
	if diff := cmp.Diff([]string{"x", "--b", "y"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestParseRoute(t *testing.T) {
	for text, want := range map[string]host.Route{
		"/x":                       {Path: "/x"},
		"* /x":                     {Path: "/x"},
		"post  /x/{id}":            {Method: "POST", Path: "/x/{id}"},
		"GET api.example.com/x":    {Method: "GET", Host: "api.example.com", Path: "/x"},
		"api.example.com/{all...}": {Host: "api.example.com", Path: "/{all...}"},
	} {
		got, err := parseRoute(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
		if again, err := parseRoute(routeText(got)); err != nil || again != got {
			t.Errorf("%q does not read back: %+v %v", routeText(got), again, err)
		}
	}
	for _, text := range []string{"", "GET", "GET x", "GET /x y"} {
		if _, err := parseRoute(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestParseGrants(t *testing.T) {
	got, err := parseGrants([]string{"connection:CRM", "key:a.*", "key:b", "service:"})
	if err != nil {
		t.Fatal(err)
	}
	want := &host.Grants{Connections: []string{"CRM"}, Keys: &[]string{"a.*", "b"}, Services: &[]string{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := parseGrants(nil); got != nil || err != nil {
		t.Error(got, err)
	}
}

func TestPrintableKeepsTheTerminalSafe(t *testing.T) {
	if got := printable("a\x1b[2Jb\tc\nd\u009be\x7f"); got != "a?[2Jb\tc\nd?e?" {
		t.Errorf("%q", got)
	}
}
