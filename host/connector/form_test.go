package connector_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// thing has everything that a request or a reply can have.
type thing struct {
	Name  string `field:"name" required:"true" doc:"n"`
	Kind  string `field:"kind" enum:"a,b" default:"a" doc:"k"`
	Count int    `field:"count" min:"1" max:"9" default:"3" doc:"c"`
	inner
	Wait    time.Duration   `field:"wait" max:"1000" doc:"w"`
	Last    *int64          `field:"last" doc:"l"`
	Sure    *bool           `field:"sure" doc:"s"`
	Keys    []string        `field:"key" doc:"k"`
	Headers []abi.Field     `field:"header.*" doc:"h"`
	Table   json.RawMessage `field:"table" doc:"t"`
	Body    []byte          `body:"b"`
}

type inner struct {
	On bool `field:"on" default:"true" doc:"o"`
}

// none is a connection that nobody needs.
type none struct{}

func (none) Ping(context.Context) error { return nil }
func (none) Close() error               { return nil }

// perform performs an operation that do does.
func perform[In, Out any](t *testing.T, r *connector.Request, do func(in In) Out) (*connector.Result, error) {
	t.Helper()
	op := connector.NewOperation("x.do", "Does.", func(_ context.Context, _ none, _ *connector.Request, in In) (Out, error) {
		return do(in), nil
	})
	c := connector.Define(connector.Spec[struct{}, none]{
		Type: "x", Doc: "X.", Open: func(context.Context, struct{}, connector.Env) (none, error) { return none{}, nil },
		Ops: []connector.Operation[none]{op},
	})
	return c.Ops[0].Do(t.Context(), none{}, r)
}

func envelope(pairs ...string) abi.Envelope {
	e := abi.Envelope{{Name: abi.FieldOp, Value: "x.do"}, {Name: abi.FieldConnection, Value: "C"}}
	for i := 0; i < len(pairs); i += 2 {
		e.Add(pairs[i], pairs[i+1])
	}
	return e
}

func TestFormsAreRead(t *testing.T) {
	t.Parallel()
	same := func(in thing) thing { return in }
	r, err := perform(t, &connector.Request{Body: []byte("body"), Envelope: envelope(
		"name", "n", "count", "9", "wait", "250", "last", "-7", "sure", "0", "key", "1", "key", "2",
		"header.a", "x", "header.a", "y", "table", `{"a":[1]}`)}, same)
	if err != nil {
		t.Fatal(err)
	}
	want := &connector.Result{Body: []byte("body"), Envelope: envelope(
		"name", "n", "kind", "a", "count", "9", "on", "1", "wait", "250", "last", "-7", "sure", "0", "key", "1", "key", "2",
		"header.a", "x", "header.a", "y", "table", `{"a":[1]}`)[2:]}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	if r, err = perform(t, &connector.Request{Envelope: envelope("name", "n")}, same); err != nil || r.Body == nil {
		t.Fatal(err, "or an empty body is none")
	}
	if diff := cmp.Diff(envelope("name", "n", "kind", "a", "count", "3", "on", "1", "wait", "0")[2:], r.Envelope); diff != "" {
		t.Error(diff)
	}
}

func TestFormsRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fields []string
		field  string
		want   string
	}{
		{nil, "name", `x.do needs the field "name": n`},
		{[]string{"name", ""}, "name", "name is empty: n"},
		{[]string{"name", "n", "nam", "x"}, "nam", `x.do has no field "nam": use count, header.*, key, kind, last, name, on, sure, table, wait`},
		{[]string{"name", "n", "name", "m"}, "name", `x.do has the field "name" twice`},
		{[]string{"name", "n", "kind", "c"}, "kind", `kind "c": use a, b`},
		{[]string{"name", "n", "count", "0"}, "count", `count "0": use a whole number from 1 to 9`},
		{[]string{"name", "n", "count", "1.5"}, "count", `count "1.5": use a whole number from 1 to 9`},
		{[]string{"name", "n", "wait", "-1"}, "wait", `wait "-1": use whole milliseconds from 0 to 1000`},
		{[]string{"name", "n", "wait", "9223372036854775807"}, "wait", `wait "9223372036854775807": use whole milliseconds from 0 to 1000`},
		{[]string{"name", "n", "on", "yes"}, "on", `on "yes": use 0 or 1`},
		{[]string{"name", "n", "table", "{"}, "table", `table is no JSON`},
		{[]string{"name", "n", "header.", "x"}, "header.", `x.do has no field "header."`},
	} {
		_, err := perform(t, &connector.Request{Envelope: envelope(c.fields...)}, func(thing) connector.None { return connector.None{} })
		e, ok := err.(*host.Error) //nolint:errorlint // it is not wrapped
		if !ok || e.Code != abi.Invalid || e.Field != c.field || !strings.HasPrefix(e.Message, c.want) {
			t.Errorf("%v: %v", c.fields, err)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	type text struct {
		Body string `body:"t"`
	}
	type raw struct {
		Body json.RawMessage `body:"j"`
	}
	type object struct {
		Body struct {
			Query string            `json:"query" required:"true" doc:"q"`
			Sets  []json.RawMessage `json:"sets" doc:"s"`
		} `body:"o"`
	}
	refused := func(err error, want string) {
		t.Helper()
		if host.CodeOf(err) != abi.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if r, err := perform(t, &connector.Request{Envelope: envelope(), Body: []byte("x")}, func(in text) text { return text{in.Body + "!"} }); err != nil || string(r.Body) != "x!" {
		t.Errorf("%v, %v", r, err)
	}
	same := func(in raw) raw { return in }
	if r, err := perform(t, &connector.Request{Envelope: envelope(), Body: []byte(`[1]`)}, same); err != nil || string(r.Body) != "[1]" {
		t.Errorf("%v, %v", r, err)
	}
	_, err := perform(t, &connector.Request{Envelope: envelope(), Body: []byte("[1")}, same)
	refused(err, "no JSON")
	asText := func(in object) text { return text{in.Body.Query + string(in.Body.Sets[1])} }
	if r, err := perform(t, &connector.Request{Envelope: envelope(), Body: []byte(`{"query": "q", "sets": [1, {"a": 2}]}`)}, asText); err != nil || string(r.Body) != `q{"a": 2}` {
		t.Errorf("%v, %v", r, err)
	}
	for body, want := range map[string]string{
		"": "no JSON object with query, sets", `[{"query": "q"}]`: "no JSON object", `{"query": "q"} {}`: "no JSON object", `{"query": "q",}`: "no JSON object",
		`{"quary": 1}`: `no member "quary": use query, sets`, `{"query": "q", "sets": [], "more": 1}`: "other members than query, sets",
		`{"query": "a", "query": "b"}`: `"query" twice`, `{"query": 7}`: `"query" in the body of x.do is 7`, `{"query": "q", "sets": {}}`: `"sets" in the body of x.do is {}`,
		`{"sets": []}`: `needs "query" in its body: q`, `{"query": null}`: `needs "query"`,
	} {
		_, err := perform(t, &connector.Request{Envelope: envelope(), Body: []byte(body)}, asText)
		refused(err, want)
	}
	_, err = perform(t, &connector.Request{Envelope: envelope(), Body: []byte("x")}, func(none connector.None) connector.None { return none })
	refused(err, "takes no body")
	_, err = perform(t, &connector.Request{Envelope: envelope(), Stream: strings.NewReader("x")}, same)
	refused(err, "no body that streams")
}

func TestBodiesThatStream(t *testing.T) {
	t.Parallel()
	type in struct {
		Body   []byte    `body:"b"`
		Stream io.Reader `stream:"true"`
	}
	type out struct {
		Body   []byte        `body:"b"`
		Stream io.ReadCloser `stream:"true"`
	}
	do := func(in in) out {
		if in.Stream == nil {
			return out{Body: in.Body}
		}
		return out{Stream: io.NopCloser(in.Stream)}
	}
	r, err := perform(t, &connector.Request{Envelope: envelope(), Stream: strings.NewReader("long")}, do)
	if err != nil || r.Stream == nil {
		t.Fatalf("%v, %v", r, err)
	}
	if b, err := io.ReadAll(r.Stream); err != nil || string(b) != "long" {
		t.Errorf("%q, %v", b, err)
	}
	if r, err = perform(t, &connector.Request{Envelope: envelope(), Body: []byte("short")}, do); err != nil || string(r.Body) != "short" || r.Stream != nil {
		t.Errorf("%v, %v", r, err)
	}
	if f := connector.FormOf(in{}); !f.Body.Streams || f.Body.Type != "bytes" {
		t.Errorf("%+v", f)
	}
}

func BenchmarkForm(b *testing.B) {
	op := connector.NewOperation("x.do", "Does.", func(_ context.Context, _ none, _ *connector.Request, in thing) (thing, error) { return in, nil })
	c := connector.Define(connector.Spec[struct{}, none]{
		Type: "x", Doc: "X.", Open: func(context.Context, struct{}, connector.Env) (none, error) { return none{}, nil },
		Ops: []connector.Operation[none]{op},
	})
	r := &connector.Request{Body: []byte("body"), Envelope: envelope("name", "n", "count", "9", "header.a", "x", "header.b", "y")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Ops[0].Do(b.Context(), none{}, r); err != nil {
			b.Fatal(err)
		}
	}
}
