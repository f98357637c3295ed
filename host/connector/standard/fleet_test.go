package standard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/standard"
)

// waivers are the connectors and sources whose packages do without the
// conformance suite for a while: each says why, and until when, at most a
// quarter of a year ahead. The key is as in "redisdb.Source".
var waivers = map[string]struct {
	reason  string
	expires string // 2006-01-02
}{}

// suites are the functions of connectortest that what standard links passes.
var suites = map[string]string{"Connector": "Run", "Source": "RunSource"}

// TestFleet wants every connector and source that is linked to pass the
// conformance suite in the tests of its package.
func TestFleet(t *testing.T) {
	linked := linked(t)
	if len(linked) != len(standard.Connectors())+len(standard.Sources()) {
		t.Errorf("%q are linked, but %d connectors and %d sources are returned", linked, len(standard.Connectors()), len(standard.Sources()))
	}
	for _, name := range linked {
		pkg, kind, _ := strings.Cut(name, ".")
		waiver, waived := waivers[name]
		ran := calls(t, pkg, suites[kind])
		switch {
		case waived && ran:
			t.Errorf("%s runs the suite: take it out of the waivers", name)
		case waived:
			until, err := time.Parse(time.DateOnly, waiver.expires)
			if err != nil || waiver.reason == "" || time.Until(until) < 0 || time.Until(until) > 92*24*time.Hour {
				t.Errorf("the waiver of %s needs a reason and a date in the next three months; it says %q until %q", name, waiver.reason, waiver.expires)
			}
		case !ran:
			t.Errorf("no test of host/connector/%s calls connectortest.%s: see docs/connectors.md", pkg, suites[kind])
		}
	}
	for name := range waivers {
		if !slices.Contains(linked, name) {
			t.Errorf("%s has a waiver and is not linked", name)
		}
	}
}

// TestOrder keeps lists in the order of types, and types apart.
func TestOrder(t *testing.T) {
	var types []string
	for _, c := range standard.Connectors() {
		types = append(types, c.Type)
	}
	if !slices.IsSorted(types) || len(slices.Compact(slices.Clone(types))) != len(types) {
		t.Errorf("the types are %q, want each once, in order", types)
	}
	for _, s := range standard.Sources() {
		if !slices.ContainsFunc(standard.Connectors(), func(c connector.Connector) bool { return c.Type == s.Type }) {
			t.Errorf("channels of the type %q have no connections", s.Type)
		}
	}
}

// linked returns the calls in the lists of standard.go, such as "amqp.Source".
func linked(t *testing.T) (out []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "standard.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && (f.Name.Name == "Connectors" || f.Name.Name == "Sources") {
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if pkg, name, ok := called(n); ok {
					out = append(out, pkg+"."+name)
				}
				return true
			})
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// calls reports whether a test of a connector's package calls a function of
// connectortest.
func calls(t *testing.T, pkg, function string) (yes bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool {
			path, err := strconv.Unquote(i.Path.Value)
			return err == nil && strings.HasSuffix(path, "/host/connector/connectortest")
		}) {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			from, name, ok := called(n)
			yes = yes || ok && from == "connectortest" && name == function
			return true
		})
	}
	return yes
}

// called returns what a call of another package's function calls.
func called(n ast.Node) (pkg, function string, ok bool) {
	call, is := n.(*ast.CallExpr)
	if !is {
		return "", "", false
	}
	selector, is := call.Fun.(*ast.SelectorExpr)
	if !is {
		return "", "", false
	}
	from, is := selector.X.(*ast.Ident)
	if !is {
		return "", "", false
	}
	return from.Name, selector.Sel.Name, true
}
