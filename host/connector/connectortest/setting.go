package connectortest

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/connector"
)

// settings is a configuration that is right, and what makes it wrong.
type settings struct {
	kind     string
	fields   []connector.Field
	good     string
	validate func(raw []byte) error
}

// check tries what people get wrong in each field.
func (s settings) check(t *testing.T) {
	t.Helper()
	if err := s.validate([]byte(s.good)); err != nil {
		t.Fatalf("%s: %v", s.good, err)
	}
	s.journey(t)
	for _, raw := range []string{"", "null", "[]", `"text"`, "{", s.good + s.good, `{"x": "` + strings.Repeat("x", 70<<10) + `"}`} {
		if err := s.validate([]byte(raw)); host.CodeOf(err) != abi.Invalid {
			t.Errorf("%.50s is taken for a configuration: %v", raw, err)
		}
	}
	s.each(t, s.fields, nil)
}

// journey takes the configuration through a document, as "serai apply" and
// "serai export" do.
func (s settings) journey(t *testing.T) {
	t.Helper()
	doc := &config.Document{Connections: map[string]config.Connection{"C": {Type: s.kind, Config: json.RawMessage(s.good)}}}
	text, err := config.Render(doc)
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := config.Parse("serai.yaml", text, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	got := back.Connections["C"]
	if got.Type != s.kind {
		t.Errorf("the type comes back as %q", got.Type)
	}
	if d := cmp.Diff(parsed(t, s.good), parsed(t, string(got.Config))); d != "" {
		t.Errorf("the configuration comes back changed: %s", d)
	}
	if err := s.validate(got.Config); err != nil {
		t.Errorf("what comes back is refused: %v", err)
	}
}

func parsed(t *testing.T, raw string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// each tries the fields of an object at a path.
func (s settings) each(t *testing.T, fields []connector.Field, path []string) {
	t.Helper()
	s.refuses(t, append(slices.Clone(path), "no_such_key"), 1)
	for _, f := range fields {
		at := append(slices.Clone(path), f.Name)
		if f.Doc == "" {
			t.Errorf("%s has no documentation", strings.Join(at, "."))
		}
		for _, wrong := range wrongValues(t, f) {
			s.refuses(t, at, wrong)
		}
		if f.Required {
			s.refuses(t, at, nil)
		}
		if f.Secret {
			for _, text := range []string{"in-clear-text", "${secret:}", "${secret:in/clear-text}"} {
				s.refuses(t, at, text)
			}
			if !f.Within {
				s.refuses(t, at, "in-clear-text${secret:a}")
			}
		}
		if f.Default != "" {
			s.accepts(t, at, f)
		}
		if f.Type == "object" {
			s.each(t, f.Fields, at)
		}
	}
}

// wrongValues are values that a field does not take.
func wrongValues(t *testing.T, f connector.Field) []any {
	t.Helper()
	var out []any
	switch f.Type {
	case "string":
		out = []any{5, true, []any{"x"}, map[string]any{}}
	case "integer":
		out = []any{"5", 1.5, true, []any{}, json.Number("99999999999999999999")}
	case "boolean":
		out = []any{"true", 1, []any{}}
	case "duration", "size":
		out = []any{true, "soon", "5 parsecs", "-1s", []any{}, map[string]any{}}
	case "list":
		out = []any{"x", 5, []any{1}, map[string]any{"a": "b"}}
	case "map":
		out = []any{"x", []any{"x"}, map[string]any{"a": 1}}
	case "object":
		out = []any{"x", 5, []any{}}
	default:
		t.Errorf("%s has the type %q, which the suite does not know", f.Name, f.Type)
	}
	if len(f.Enum) > 0 {
		out = append(out, "no-such-value")
	}
	if f.Type == "integer" {
		if low, err := strconv.ParseInt(f.Min, 10, 64); err == nil {
			out = append(out, low-1)
		}
		if high, err := strconv.ParseInt(f.Max, 10, 64); err == nil {
			out = append(out, high+1)
		}
	} else if f.Max != "" {
		out = append(out, map[string]string{"duration": "100000h", "size": "1000000GiB"}[f.Type])
	}
	return out
}

// with returns the good configuration with a value at a path; nil leaves it out.
func (s settings) with(t *testing.T, path []string, value any) []byte {
	t.Helper()
	root := parsed(t, s.good)
	at := root
	for _, name := range path[:len(path)-1] {
		inner, ok := at[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
		}
		at[name] = maps.Clone(inner)
		at, _ = at[name].(map[string]any)
	}
	last := path[len(path)-1]
	if at[last] = value; value == nil {
		delete(at, last)
	}
	raw, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// refuses checks that a value is refused by an error that names its field and
// does not tell what may be a secret.
func (s settings) refuses(t *testing.T, path []string, value any) {
	t.Helper()
	field := "config." + strings.Join(path, ".")
	var e *host.Error
	err := s.validate(s.with(t, path, value))
	if !errors.As(err, &e) || e.Code != abi.Invalid || e.Field != field {
		t.Errorf("%s as %v: %v, want Invalid with the field %s", field, value, err, field)
	} else if strings.Contains(err.Error()+e.Message, "in-clear-text") {
		t.Errorf("%s in clear is in the error: %v", field, err)
	}
}

// accepts checks that the default, written down, is what it is said to be: a
// value that the field takes.
func (s settings) accepts(t *testing.T, path []string, f connector.Field) {
	t.Helper()
	if _, set := lookUp(parsed(t, s.good), path); set {
		return // this configuration needs another value
	}
	var value any = f.Default
	if f.Type == "integer" || f.Type == "boolean" {
		value = json.RawMessage(f.Default)
	}
	if err := s.validate(s.with(t, path, value)); err != nil {
		t.Errorf("the default of config.%s, written down: %v", strings.Join(path, "."), err)
	}
}

func lookUp(root map[string]any, path []string) (any, bool) {
	v, ok := root[path[0]]
	if !ok || len(path) == 1 {
		return v, ok
	}
	inner, _ := v.(map[string]any)
	return lookUp(inner, path[1:])
}
